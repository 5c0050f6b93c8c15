//! Providers of plain OAuth 2.0: who came is what their own API says to the bearer of the access token.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::super::connections::{OidcSettings, Preset};
use super::judge::Claims;
use super::presets;
use crate::kernel::{Kernel, outgoing};

/// An answer of such an API.
const MAX_BYTES: usize = 1024 * 1024;
/// Pages of a hundred teams that are read.
const MAX_PAGES: usize = 20;

/// Why the API did not say who it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("the address of the provider's API cannot be used")]
    Address,
    #[error("{0}: {1}")]
    Http(String, #[source] outgoing::Error),
    #[error("{0} answered with something else than documented")]
    Answer(String),
}

/// Who the bearer of `token` is, in the claims of `OpenID` Connect.
pub(super) async fn person(
    kernel: &Kernel,
    settings: &OidcSettings,
    token: &str,
) -> Result<Claims, ApiError> {
    let api = Api { kernel, base: presets::api(settings).ok_or(ApiError::Address)?, token };
    let claims = match settings.preset {
        Preset::Bitbucket => bitbucket(&api).await?,
        _ => github(&api, settings.groups_from().is_some()).await?,
    };
    let Value::Object(claims) = claims else { return Err(ApiError::Address) };
    Ok(claims)
}

struct Api<'a> {
    kernel: &'a Kernel,
    base: Url,
    token: &'a str,
}

impl Api<'_> {
    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let url = Url::parse(&presets::below(&self.base, path)).map_err(|_| ApiError::Address)?;
        let text = self.kernel.outgoing.get_as(&url, self.token, MAX_BYTES).await;
        let text = text.map_err(|error| ApiError::Http(path.to_owned(), error))?;
        serde_json::from_str(&text).map_err(|_| ApiError::Answer(path.to_owned()))
    }
}

/// GitHub: the id never changes, the login does. Of the addresses the primary one counts, and only when it is
/// verified.
async fn github(api: &Api<'_>, with_teams: bool) -> Result<Value, ApiError> {
    #[derive(Deserialize)]
    struct Person {
        id: u64,
        login: String,
        name: Option<String>,
    }
    #[derive(Deserialize)]
    struct Address {
        email: String,
        primary: bool,
        verified: bool,
    }
    #[derive(Deserialize)]
    struct Team {
        slug: String,
        organization: Organization,
    }
    #[derive(Deserialize)]
    struct Organization {
        login: String,
    }
    let person: Person = api.get("user").await?;
    let addresses: Vec<Address> = api.get("user/emails?per_page=100").await?;
    let primary = addresses.into_iter().find(|address| address.primary);
    let mut teams = Vec::new();
    for page in 1..=MAX_PAGES {
        if !with_teams {
            break;
        }
        let some: Vec<Team> = api.get(&format!("user/teams?per_page=100&page={page}")).await?;
        let count = some.len();
        teams.extend(some.into_iter().map(|team| format!("{}/{}", team.organization.login, team.slug)));
        if count < 100 {
            break;
        }
    }
    Ok(json!({
        "sub": person.id.to_string(),
        "preferred_username": person.login,
        "name": person.name,
        "email_verified": primary.as_ref().is_some_and(|address| address.verified),
        "email": primary.map(|address| address.email),
        "teams": teams,
    }))
}

/// Bitbucket: the uuid never changes. Addresses are confirmed or not.
async fn bitbucket(api: &Api<'_>) -> Result<Value, ApiError> {
    #[derive(Deserialize)]
    struct Person {
        uuid: String,
        display_name: Option<String>,
        nickname: Option<String>,
    }
    #[derive(Deserialize)]
    struct Page {
        values: Vec<Address>,
    }
    #[derive(Deserialize)]
    struct Address {
        email: String,
        is_primary: bool,
        is_confirmed: bool,
    }
    let person: Person = api.get("2.0/user").await?;
    let page: Page = api.get("2.0/user/emails?pagelen=100").await?;
    let primary = page.values.into_iter().find(|address| address.is_primary);
    Ok(json!({
        "sub": person.uuid,
        "preferred_username": person.nickname,
        "name": person.display_name,
        "email_verified": primary.as_ref().is_some_and(|address| address.is_confirmed),
        "email": primary.map(|address| address.email),
    }))
}
