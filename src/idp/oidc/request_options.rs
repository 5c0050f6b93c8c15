//! The options of a request, from a connection's settings and its preset.

use url::Url;

use super::client_auth::ClientAuth;
use super::metadata::{ProviderMetadata, join_url};
use super::presets::PeopleScope;
use crate::idp::connections::OidcSettings;

/// The scopes to request in addition to `openid`.
pub(super) fn scopes(settings: &OidcSettings) -> Vec<String> {
    let spec = settings.preset.spec();
    let group_scopes = if settings.people.group_sync { spec.group_scopes } else { &[] };
    let usual: Vec<&str> = spec.scopes.iter().chain(group_scopes).copied().collect();
    let mut all: Vec<String> = usual.iter().map(|scope| (*scope).to_owned()).collect();
    all.extend(settings.scopes.iter().filter(|scope| !usual.contains(&scope.as_str())).cloned());
    all
}

/// Additional parameters of the authorization request. [`super::requirements`] adds what it demands of the
/// authentication.
pub(super) fn parameters(settings: &OidcSettings) -> Vec<(&'static str, String)> {
    let spec = settings.preset.spec();
    let mut all = Vec::new();
    if spec.asks_for_account && !settings.force_authn {
        all.push(("prompt", "select_account".to_owned()));
    }
    if let (PeopleScope::HostedDomains, [domain]) = (spec.people, &settings.hosted_domains[..]) {
        all.push(("hd", domain.clone()));
    }
    all
}

/// How the client authenticates: as configured, else as the preset says, else as the discovery document
/// says. The default is HTTP Basic (RFC 8414 §2).
pub(super) fn client_auth(settings: &OidcSettings, metadata: &ProviderMetadata) -> ClientAuth {
    if let Some(wanted) = settings.client_auth.or(settings.preset.spec().client_auth) {
        return wanted;
    }
    let offered = &metadata.token_endpoint_auth_methods_supported;
    let has = |one: ClientAuth| offered.iter().any(|name| name == one.as_str());
    if has(ClientAuth::ClientSecretPost) && !has(ClientAuth::ClientSecretBasic) {
        ClientAuth::ClientSecretPost
    } else {
        ClientAuth::ClientSecretBasic
    }
}

/// The endpoints of a plain OAuth 2.0 provider; `None` for a provider with a discovery document.
pub(super) fn endpoints(settings: &OidcSettings) -> Option<ProviderMetadata> {
    let oauth2 = settings.preset.spec().oauth2.as_ref()?;
    let base = Url::parse(&settings.issuer).ok()?;
    Some(ProviderMetadata {
        issuer: settings.issuer.clone(),
        authorization_endpoint: join_url(&base, oauth2.authorize_path),
        token_endpoint: Some(join_url(&base, oauth2.token_path)),
        ..ProviderMetadata::default()
    })
}
