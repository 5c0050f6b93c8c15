//! Providers of plain OAuth 2.0: who came is what their own API says to the bearer of the access token.

use serde_json::Value;
use url::Url;

use super::presets::{OAuth2Api, ProviderApi, ProviderApiError};
use super::token_validation::Claims;
use crate::idp::connections::OidcSettings;
use crate::kernel::Kernel;

/// Who the bearer of `token` is, in the claims of `OpenID` Connect.
pub(super) async fn fetch_claims(
    kernel: &Kernel,
    settings: &OidcSettings,
    oauth2: &OAuth2Api,
    token: &str,
) -> Result<Claims, ProviderApiError> {
    let base = api_base_url(settings, oauth2).ok_or(ProviderApiError::InvalidUrl)?;
    let api = ProviderApi::new(kernel, base, token);
    match (oauth2.fetch_claims)(&api, settings.group_claim().is_some()).await? {
        Value::Object(claims) => Ok(claims),
        _ => Err(ProviderApiError::MalformedResponse(settings.preset.label().to_owned())),
    }
}

/// Where the API is: as is set, or where the preset knows it to be.
fn api_base_url(settings: &OidcSettings, oauth2: &OAuth2Api) -> Option<Url> {
    if let Some(own) = &settings.api_url {
        return Url::parse(own).ok();
    }
    (oauth2.api_base)(&Url::parse(&settings.issuer).ok()?)
}
