//! Authentication by identity providers: an account's connections and the protocols they speak. Every
//! protocol produces a [`crate::signin::Proof`].

pub mod connection_tests;
pub mod connections;
mod error;
mod graph;
mod http;
pub mod ldap;
pub mod oidc;
mod provider_logout;
mod replay_cache;
pub mod report;
pub mod saml;

use std::sync::Arc;

pub use provider_logout::{ProviderLogout, find_provider_logout};

use crate::signin::SignIn;

/// The state that the protocols share. Cheap to clone.
#[derive(Clone)]
pub struct Idp {
    /// The sign-in operations.
    pub signin: SignIn,
    /// The cache of discovered OpenID providers.
    pub oidc: Arc<oidc::ProviderCache>,
    /// The pools of connections to LDAP directories.
    pub ldap: Arc<ldap::LdapPools>,
}

impl Idp {
    /// Creates the state with empty caches and pools.
    #[must_use]
    pub fn new(signin: SignIn) -> Self {
        Self { signin, oidc: Arc::default(), ldap: Arc::default() }
    }
}
