//! Proof from outside: connections to the identity providers of an account, and the protocols they
//! speak. Each protocol ends in one [`crate::signin::Proof`].

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

/// What the protocols need beyond signing in. Cheap to clone.
#[derive(Clone)]
pub struct Idp {
    /// Signing in.
    pub signin: SignIn,
    /// What is known of `OpenID` providers.
    pub oidc: Arc<oidc::ProviderCache>,
    /// Connections to directories.
    pub ldap: Arc<ldap::LdapPools>,
}

impl Idp {
    /// Puts it together.
    #[must_use]
    pub fn new(signin: SignIn) -> Self {
        Self { signin, oidc: Arc::default(), ldap: Arc::default() }
    }
}
