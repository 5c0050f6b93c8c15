//! Bitbucket: OAuth 2.0 with its own API. The `uuid` of a user never changes. The primary email address is
//! used, and it is verified if Bitbucket has confirmed it.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::api::{ProviderApi, ProviderApiError};
use super::spec::{OAuth2Api, OPENID_CONNECT, PresetSpec, SetupValue, enter, instruction};

pub(super) const SPEC: PresetSpec = PresetSpec {
    name: "bitbucket",
    label: "Bitbucket",
    issuer: Some("https://bitbucket.org"),
    // Bitbucket's own scopes. It refuses scopes that the consumer was not granted.
    scopes: &["account", "email"],
    states_auth_time: false,
    oauth2: Some(OAuth2Api {
        authorize_path: "site/oauth2/authorize",
        token_path: "site/oauth2/access_token",
        api_base,
        fetch_claims: |api, _| Box::pin(fetch_claims(api)),
    }),
    steps: &[
        instruction(
            "In the settings of your workspace, open OAuth consumers and add a consumer with the permissions \
             Account: Email and Account: Read.",
        ),
        enter("Enter this URL as", "Callback URL", SetupValue::Callback),
        instruction("Copy the key, which is the client ID, and the secret."),
    ],
    ..OPENID_CONNECT
};

fn api_base(_: &Url) -> Option<Url> {
    Url::parse("https://api.bitbucket.org").ok()
}

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

async fn fetch_claims(api: &ProviderApi<'_>) -> Result<Value, ProviderApiError> {
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
