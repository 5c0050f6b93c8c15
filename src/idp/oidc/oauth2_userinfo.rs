//! Providers of plain OAuth 2.0: who came is what their own API says to the bearer of the access token.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::presets;
use super::token_validation::Claims;
use crate::idp::connections::{OidcSettings, Preset};
use crate::kernel::{Kernel, http_client};

/// An answer of such an API.
const MAX_BYTES: usize = 1024 * 1024;
/// Pages of a hundred teams that are read.
const MAX_PAGES: usize = 20;

/// Why the API did not say who it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderApiError {
    #[error("the address of the provider's API cannot be used")]
    InvalidUrl,
    #[error("{0}: {1}")]
    Http(String, #[source] http_client::Error),
    #[error("{0} answered with something else than documented")]
    MalformedResponse(String),
}

/// Who the bearer of `token` is, in the claims of `OpenID` Connect.
pub(super) async fn fetch_claims(
    kernel: &Kernel,
    settings: &OidcSettings,
    token: &str,
) -> Result<Claims, ProviderApiError> {
    let api = ProviderApi {
        kernel,
        base: presets::api_base_url(settings).ok_or(ProviderApiError::InvalidUrl)?,
        token,
    };
    let claims = match settings.preset {
        Preset::Bitbucket => bitbucket_claims(&api).await?,
        _ => github_claims(&api, settings.group_claim().is_some()).await?,
    };
    let Value::Object(claims) = claims else { return Err(ProviderApiError::InvalidUrl) };
    Ok(claims)
}

struct ProviderApi<'a> {
    kernel: &'a Kernel,
    base: Url,
    token: &'a str,
}

impl ProviderApi<'_> {
    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ProviderApiError> {
        let url =
            Url::parse(&presets::join_url(&self.base, path)).map_err(|_| ProviderApiError::InvalidUrl)?;
        let text = self.kernel.http_client.get_with_bearer(&url, self.token, MAX_BYTES).await;
        let text = text.map_err(|error| ProviderApiError::Http(path.to_owned(), error))?;
        serde_json::from_str(&text).map_err(|_| ProviderApiError::MalformedResponse(path.to_owned()))
    }
}

/// GitHub: the id never changes, the login does. Of the addresses the primary one counts, and only when it is
/// verified.
async fn github_claims(api: &ProviderApi<'_>, with_teams: bool) -> Result<Value, ProviderApiError> {
    #[derive(Deserialize)]
    struct GitHubUser {
        id: u64,
        login: String,
        name: Option<String>,
    }
    #[derive(Deserialize)]
    struct GitHubEmail {
        email: String,
        primary: bool,
        verified: bool,
    }
    #[derive(Deserialize)]
    struct GitHubTeam {
        slug: String,
        organization: GitHubOrganization,
    }
    #[derive(Deserialize)]
    struct GitHubOrganization {
        login: String,
    }
    let person: GitHubUser = api.get("user").await?;
    let addresses: Vec<GitHubEmail> = api.get("user/emails?per_page=100").await?;
    let primary = addresses.into_iter().find(|address| address.primary);
    let mut teams = Vec::new();
    for page in 1..=MAX_PAGES {
        if !with_teams {
            break;
        }
        let batch: Vec<GitHubTeam> = api.get(&format!("user/teams?per_page=100&page={page}")).await?;
        let count = batch.len();
        teams.extend(batch.into_iter().map(|team| format!("{}/{}", team.organization.login, team.slug)));
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
async fn bitbucket_claims(api: &ProviderApi<'_>) -> Result<Value, ProviderApiError> {
    #[derive(Deserialize)]
    struct BitbucketUser {
        uuid: String,
        display_name: Option<String>,
        nickname: Option<String>,
    }
    #[derive(Deserialize)]
    struct BitbucketEmailPage {
        values: Vec<BitbucketEmail>,
    }
    #[derive(Deserialize)]
    struct BitbucketEmail {
        email: String,
        is_primary: bool,
        is_confirmed: bool,
    }
    let person: BitbucketUser = api.get("2.0/user").await?;
    let page: BitbucketEmailPage = api.get("2.0/user/emails?pagelen=100").await?;
    let primary = page.values.into_iter().find(|address| address.is_primary);
    Ok(json!({
        "sub": person.uuid,
        "preferred_username": person.nickname,
        "name": person.display_name,
        "email_verified": primary.as_ref().is_some_and(|address| address.is_confirmed),
        "email": primary.map(|address| address.email),
    }))
}
