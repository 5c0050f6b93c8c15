//! `OpenID` Connect and OAuth 2.0 as a client: the authorization code flow with PKCE.
//!
//! openidconnect writes requests and exchanges codes. What a provider signs (ID tokens, logout tokens) is judged in
//! [`judge`], with the provider's published keys only.

mod answer;
mod check;
mod client;
pub mod http;
mod judge;
mod keys;
mod leave;
mod person;
mod plain;
mod presets;
mod provider;
mod sent;
mod trial;

pub use check::Check;
pub use keys::{CLIENT_SECRET, make_key};
pub use leave::{Leaving, leave};
pub use provider::Providers;
pub use sent::begin_link;
pub use trial::{Begun, begin as begin_trial};

use crate::kernel::urls::Urls;

/// What a provider's administrator has to know of us.
#[derive(Debug, Clone)]
pub struct Addresses {
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

impl Addresses {
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
