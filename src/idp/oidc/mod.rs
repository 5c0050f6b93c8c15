//! `OpenID` Connect and OAuth 2.0 as a client: the authorization code flow with PKCE.
//!
//! openidconnect writes requests and exchanges codes. What a provider signs (ID tokens, logout tokens) is judged in
//! [`token_validation`], with the provider's published keys only.

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

/// What a provider's administrator has to know of us.
#[derive(Debug, Clone)]
pub struct RpEndpoints {
    /// Where a sign-in begins.
    pub login: String,
    /// Where the provider sends people back to.
    pub callback: String,
    /// Where people come back to from a logout.
    pub signed_out: String,
    /// Where the provider tells of logouts.
    pub backchannel_logout: String,
    /// Where our public key is, for `private_key_jwt`.
    pub jwks: String,
}

impl RpEndpoints {
    /// Those of a connection.
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
