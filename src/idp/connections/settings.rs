//! What is agreed with the other side, whatever its protocol.

use serde_json::json;

use super::ldap::LdapSettings;
use super::model::{Connection, Kind};
use super::oidc::OidcSettings;
use super::saml::SamlSettings;
use super::scim::ScimSettings;
use crate::directory::Error;

/// The settings of a connection.
#[derive(Debug, Clone)]
pub enum Settings {
    /// Of a SAML connection.
    Saml(Box<SamlSettings>),
    /// Of an `OpenID` Connect or OAuth connection.
    Oidc(Box<OidcSettings>),
    /// Of an LDAP connection.
    Ldap(Box<LdapSettings>),
    /// Of a directory connection.
    Scim(ScimSettings),
}

impl Settings {
    /// Those of a connection; `None` when what is stored cannot be read.
    #[must_use]
    pub fn of(connection: &Connection) -> Option<Self> {
        match connection.kind() {
            Kind::Saml => connection.saml().map(|settings| Self::Saml(Box::new(settings))),
            Kind::Oidc => connection.oidc().map(|settings| Self::Oidc(Box::new(settings))),
            Kind::Ldap => connection.ldap().map(|settings| Self::Ldap(Box::new(settings))),
            Kind::Scim => connection.scim().map(Self::Scim),
        }
    }

    /// Their protocol.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Saml(_) => Kind::Saml,
            Self::Oidc(_) => Kind::Oidc,
            Self::Ldap(_) => Kind::Ldap,
            Self::Scim(_) => Kind::Scim,
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
    pub(super) fn trusts_the_same(&self, connection: &Connection) -> bool {
        match self {
            Self::Saml(settings) => connection.saml().is_some_and(|before| settings.trusts_the_same(&before)),
            Self::Oidc(settings) => connection.oidc().is_some_and(|before| settings.trusts_the_same(&before)),
            Self::Ldap(settings) => connection.ldap().is_some_and(|before| settings.trusts_the_same(&before)),
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
