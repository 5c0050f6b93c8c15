//! GitHub, at github.com or on an Enterprise Server: OAuth 2.0 with its own API. A user's `id` never
//! changes; the `login` may. The primary email address is used, and GitHub says whether it is verified.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::api::{ProviderApi, ProviderApiError};
use super::spec::{OAuth2Api, OPENID_CONNECT, PresetSpec, SetupValue, enter, instruction};
use crate::idp::oidc::client_auth::ClientAuth;
use crate::idp::oidc::metadata::join_url;

/// The limit on pages, each with up to 100 teams.
const MAX_PAGES: usize = 20;

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "github",
    label: "GitHub",
    issuer: Some("https://github.com"),
    scopes: &["read:user", "user:email"],
    group_scopes: &["read:org"],
    client_auth: Some(ClientAuth::ClientSecretPost),
    group_attribute: Some("teams"),
    group_hint: "Groups are GitHub teams, named organization/team.",
    states_auth_time: false,
    oauth2: Some(OAuth2Api {
        authorize_path: "login/oauth/authorize",
        token_path: "login/oauth/access_token",
        api_base,
        fetch_claims: |api, with_groups| Box::pin(fetch_claims(api, with_groups)),
    }),
    steps: &[
        instruction(
            "In the settings of your organization, open Developer settings → OAuth apps and create an app.",
        ),
        enter("Enter this URL as", "Authorization callback URL", SetupValue::Callback),
        instruction("Copy the client ID. Generate a client secret and copy it."),
    ],
    ..OPENID_CONNECT
};

fn api_base(site: &Url) -> Option<Url> {
    match site.host_str() {
        Some("github.com") => Url::parse("https://api.github.com").ok(),
        // GitHub Enterprise Server serves the API on its own host.
        _ => Url::parse(&join_url(site, "api/v3")).ok(),
    }
}

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

async fn fetch_claims(api: &ProviderApi<'_>, with_teams: bool) -> Result<Value, ProviderApiError> {
    let person: GitHubUser = api.get("user").await?;
    let addresses: Vec<GitHubEmail> = api.get("user/emails?per_page=100").await?;
    let primary = addresses.into_iter().find(|address| address.primary);
    let teams = if with_teams { fetch_teams(api).await? } else { Vec::new() };
    Ok(json!({
        "sub": person.id.to_string(),
        "preferred_username": person.login,
        "name": person.name,
        "email_verified": primary.as_ref().is_some_and(|address| address.verified),
        "email": primary.map(|address| address.email),
        "teams": teams,
    }))
}

/// The user's teams, as `organization/team`.
async fn fetch_teams(api: &ProviderApi<'_>) -> Result<Vec<String>, ProviderApiError> {
    let mut teams = Vec::new();
    for page in 1..=MAX_PAGES {
        let batch: Vec<GitHubTeam> = api.get(&format!("user/teams?per_page=100&page={page}")).await?;
        let count = batch.len();
        teams.extend(batch.into_iter().map(|team| format!("{}/{}", team.organization.login, team.slug)));
        if count < 100 {
            break;
        }
    }
    Ok(teams)
}
