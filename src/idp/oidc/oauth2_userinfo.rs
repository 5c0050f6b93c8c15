//! Plain OAuth 2.0 providers: the user's claims come from the provider's own API.

use serde_json::Value;
use url::Url;

use super::presets::{OAuth2Api, ProviderApi, ProviderApiError};
use super::token_validation::Claims;
use crate::idp::connections::{OidcConnection, OidcSettings};
use crate::kernel::Kernel;

/// The claims of the user whose access token is `token`, under the names of OpenID Connect.
pub(super) async fn fetch_claims(
    kernel: &Kernel,
    connection: &OidcConnection,
    oauth2: &OAuth2Api,
    token: &str,
) -> Result<Claims, ProviderApiError> {
    let settings = &connection.settings;
    let base = api_base_url(settings, oauth2).ok_or(ProviderApiError::InvalidUrl)?;
    let api = ProviderApi::new(connection.http_client(kernel), base, token);
    match (oauth2.fetch_claims)(&api, settings.group_claim().is_some()).await? {
        Value::Object(claims) => Ok(claims),
        _ => Err(ProviderApiError::MalformedResponse(settings.preset.label().to_owned())),
    }
}

/// The base URL of the API: the configured one, or else the preset's.
fn api_base_url(settings: &OidcSettings, oauth2: &OAuth2Api) -> Option<Url> {
    if let Some(own) = &settings.api_url {
        return Url::parse(own).ok();
    }
    (oauth2.api_base)(&Url::parse(&settings.issuer).ok()?)
}
