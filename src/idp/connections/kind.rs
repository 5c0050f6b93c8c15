//! The protocols of connections, and the error of a connection that cannot be read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Kind)]
pub enum ConnectionKind {
    /// People sign in with SAML 2.0.
    Saml,
    /// People sign in with `OpenID` Connect or OAuth 2.0.
    Oidc,
    /// People sign in with the password of an LDAP directory.
    Ldap,
    /// A directory provisions users and groups with SCIM 2.0.
    Scim,
}

impl ConnectionKind {
    /// The display name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Saml => "SAML",
            Self::Oidc => "OpenID",
            Self::Ldap => "LDAP",
            Self::Scim => "SCIM",
        }
    }

    /// Whether users sign in with it.
    #[must_use]
    pub const fn is_for_sign_in(self) -> bool {
        !matches!(self, Self::Scim)
    }

    /// The name in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
            Self::Ldap => "ldap",
            Self::Scim => "scim",
        }
    }

    /// Reads [`ConnectionKind::as_str`]; `None` for a kind that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Saml, Self::Oidc, Self::Ldap, Self::Scim].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A stored connection cannot be read: a newer version wrote it, or it is damaged. Such a connection is
/// refused; it never falls back to defaults, because a default may admit users that the settings exclude.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableConnection {
    /// This version does not know the kind.
    #[error("the kind {0:?} is not known")]
    Kind(String),
    /// The settings do not fit the kind.
    #[error("the settings cannot be read: {0}")]
    Settings(String),
}
