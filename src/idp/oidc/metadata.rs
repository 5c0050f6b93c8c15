//! The discovery document of a provider.

use serde::Deserialize;
use url::Url;

/// The members of a discovery document that are used (OpenID Connect Discovery §3, RFC 8414, RFC 9207).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProviderMetadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: Option<String>,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) jwks_uri: Option<String>,
    pub(super) end_session_endpoint: Option<String>,
    pub(super) token_endpoint_auth_methods_supported: Vec<String>,
    pub(super) authorization_response_iss_parameter_supported: bool,
    pub(super) claims_parameter_supported: bool,
}

/// `path` below `base`: `https://host/some/` and `path` give `https://host/some/path`.
pub(super) fn join_url(base: &Url, path: &str) -> String {
    format!("{}/{path}", base.as_str().trim_end_matches('/'))
}
