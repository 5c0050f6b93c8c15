//! What is agreed with the other side, whatever its protocol.

use serde_json::json;

use super::ldap::LdapSettings;
use super::model::{Connection, ConnectionKind};
use super::oidc::OidcSettings;
use super::saml::SamlSettings;
use super::scim::ScimSettings;
use crate::directory::Error;

/// The settings of a connection.
#[derive(Debug, Clone)]
pub enum ConnectionSettings {
    /// Of a SAML connection.
    Saml(Box<SamlSettings>),
    /// Of an `OpenID` Connect or OAuth connection.
    Oidc(Box<OidcSettings>),
    /// Of an LDAP connection.
    Ldap(Box<LdapSettings>),
    /// Of a directory connection.
    Scim(ScimSettings),
}

impl ConnectionSettings {
    /// Those of a connection; `None` when what is stored cannot be read.
    #[must_use]
    pub fn of(connection: &Connection) -> Option<Self> {
        match connection.kind() {
            ConnectionKind::Saml => connection.saml().map(|settings| Self::Saml(Box::new(settings))),
            ConnectionKind::Oidc => connection.oidc().map(|settings| Self::Oidc(Box::new(settings))),
            ConnectionKind::Ldap => connection.ldap().map(|settings| Self::Ldap(Box::new(settings))),
            ConnectionKind::Scim => connection.scim().map(Self::Scim),
        }
    }

    /// Their protocol.
    #[must_use]
    pub const fn kind(&self) -> ConnectionKind {
        match self {
            Self::Saml(_) => ConnectionKind::Saml,
            Self::Oidc(_) => ConnectionKind::Oidc,
            Self::Ldap(_) => ConnectionKind::Ldap,
            Self::Scim(_) => ConnectionKind::Scim,
        }
    }

    /// The settings, if they go together.
    pub(super) fn checked(self) -> Result<Self, Error> {
        Ok(match self {
            Self::Saml(settings) => Self::Saml(Box::new(settings.checked()?)),
            Self::Oidc(settings) => Self::Oidc(Box::new(settings.checked()?)),
            Self::Ldap(settings) => Self::Ldap(Box::new(settings.checked()?)),
            Self::Scim(settings) => Self::Scim(settings.checked()?),
        })
    }

    /// Whether a test of `connection` as it is says anything about these.
    pub(super) fn has_same_trust_as(&self, connection: &Connection) -> bool {
        match self {
            Self::Saml(settings) => {
                connection.saml().is_some_and(|before| settings.has_same_trust_as(&before))
            }
            Self::Oidc(settings) => {
                connection.oidc().is_some_and(|before| settings.has_same_trust_as(&before))
            }
            Self::Ldap(settings) => {
                connection.ldap().is_some_and(|before| settings.has_same_trust_as(&before))
            }
            Self::Scim(_) => true,
        }
    }

    /// As they are stored.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Saml(settings) => json!(settings).to_string(),
            Self::Oidc(settings) => json!(settings).to_string(),
            Self::Ldap(settings) => json!(settings).to_string(),
            Self::Scim(settings) => json!(settings).to_string(),
        }
    }
}
