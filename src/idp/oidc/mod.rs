//! OpenID Connect and OAuth 2.0 as a client: the authorization code flow with PKCE.
//!
//! The `openidconnect` crate writes requests and exchanges codes. Signed tokens (ID tokens and logout
//! tokens) are validated in [`token_validation`], with the provider's published keys only.

mod authorization;
mod callback;
mod check;
mod claim_mapping;
mod client;
mod client_auth;
mod client_keys;
mod connection_test;
pub mod http;
mod logout;
mod metadata;
mod oauth2_userinfo;
mod presets;
mod provider;
mod request_options;
mod requirements;
mod token_validation;

pub use authorization::begin_link;
pub use check::OidcCheck;
pub use client_auth::ClientAuth;
pub use client_keys::{CLIENT_SECRET, ensure_client_key};
pub use connection_test::{OidcTestStart, begin as begin_connection_test};
pub use logout::{OidcLogout, logout_url};
pub use presets::Preset;
pub use provider::ProviderCache;

pub(crate) use presets::SetupValue;

use crate::kernel::urls::Urls;

/// Our endpoints for one connection, which the provider's administrator enters there.
#[derive(Debug, Clone)]
pub struct RpEndpoints {
    /// Where a sign-in starts.
    pub login: String,
    /// The redirect URI.
    pub callback: String,
    /// The post-logout redirect URI.
    pub signed_out: String,
    /// The back-channel logout URI.
    pub backchannel_logout: String,
    /// The URL of our public key, for `private_key_jwt`.
    pub jwks: String,
}

impl RpEndpoints {
    /// The endpoints of the connection with this id.
    #[must_use]
    pub fn of(urls: &Urls, id: &str) -> Self {
        let at = |what: &str| urls.absolute(&format!("/oidc/{id}/{what}"));
        Self {
            login: at("login"),
            callback: at("callback"),
            signed_out: at("signed-out"),
            backchannel_logout: at("backchannel-logout"),
            jwks: at("jwks"),
        }
    }
}
