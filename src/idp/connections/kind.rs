//! The protocols of connections, and the error of a connection that cannot be read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kernel::text_enum::text_enum;

text_enum! {
    /// The protocol of a connection.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    #[schema(as = Kind)]
    pub enum ConnectionKind {
        /// Users sign in with SAML 2.0.
        Saml = "saml" => "SAML",
        /// Users sign in with OpenID Connect or OAuth 2.0.
        Oidc = "oidc" => "OIDC",
        /// Users sign in with their password from an LDAP directory.
        Ldap = "ldap" => "LDAP",
        /// An identity provider provisions users and groups with SCIM 2.0.
        Scim = "scim" => "SCIM",
    }
}

impl ConnectionKind {
    /// Whether users sign in with it.
    #[must_use]
    pub const fn is_for_sign_in(self) -> bool {
        !matches!(self, Self::Scim)
    }
}

/// A stored connection cannot be read: a newer version wrote it, or it is damaged. Such a connection is
/// refused; it never falls back to defaults, because a default may admit users that the settings exclude.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableConnection {
    /// This version does not know the kind.
    #[error("this version does not support connections of the type {0:?}")]
    Kind(String),
    /// The settings do not fit the kind.
    #[error("the settings cannot be read: {0}")]
    Settings(String),
}
