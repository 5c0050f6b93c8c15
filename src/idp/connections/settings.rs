//! What is agreed with the other side, whatever its protocol.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::kind::{ConnectionKind, UnreadableConnection};
use super::ldap::LdapSettings;
use super::oidc::OidcSettings;
use super::saml::SamlSettings;
use super::scim::ScimSettings;
use crate::directory::Error;

/// The settings of a connection. Cheap to clone.
#[derive(Debug, Clone)]
pub enum ConnectionSettings {
    /// Of a SAML connection.
    Saml(Arc<SamlSettings>),
    /// Of an `OpenID` Connect or OAuth connection.
    Oidc(Arc<OidcSettings>),
    /// Of an LDAP connection.
    Ldap(Arc<LdapSettings>),
    /// Of a directory connection.
    Scim(Arc<ScimSettings>),
}

impl ConnectionSettings {
    /// Reads them as they are stored. A member that is missing has its default, because it was added later; one whose
    /// value cannot be read makes all of them unreadable.
    pub fn read(kind: &str, text: &str) -> Result<Self, UnreadableConnection> {
        let kind = ConnectionKind::parse(kind).ok_or_else(|| UnreadableConnection::Kind(kind.to_owned()))?;
        Ok(match kind {
            ConnectionKind::Saml => Self::Saml(parse(text)?),
            ConnectionKind::Oidc => Self::Oidc(parse(text)?),
            ConnectionKind::Ldap => Self::Ldap(parse(text)?),
            ConnectionKind::Scim => Self::Scim(parse(text)?),
        })
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
            Self::Saml(settings) => Self::Saml(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
            Self::Oidc(settings) => Self::Oidc(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
            Self::Ldap(settings) => Self::Ldap(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
            Self::Scim(settings) => Self::Scim(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
        })
    }

    /// Whether a test of a connection with the settings `before` says anything about these.
    pub(super) fn has_same_trust_as(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Saml(settings), Self::Saml(before)) => settings.has_same_trust_as(before),
            (Self::Oidc(settings), Self::Oidc(before)) => settings.has_same_trust_as(before),
            (Self::Ldap(settings), Self::Ldap(before)) => settings.has_same_trust_as(before),
            (Self::Scim(_), Self::Scim(_)) => true,
            _ => false,
        }
    }

    /// As they are stored.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Saml(settings) => json!(**settings).to_string(),
            Self::Oidc(settings) => json!(**settings).to_string(),
            Self::Ldap(settings) => json!(**settings).to_string(),
            Self::Scim(settings) => json!(**settings).to_string(),
        }
    }
}

fn parse<S: DeserializeOwned>(text: &str) -> Result<Arc<S>, UnreadableConnection> {
    // serde reads a struct from a list as well, and gives the members that a short list lacks their defaults.
    if !text.trim_start().starts_with('{') {
        return Err(UnreadableConnection::Settings("they are no JSON object".to_owned()));
    }
    serde_json::from_str(text)
        .map(Arc::new)
        .map_err(|error| UnreadableConnection::Settings(error.to_string()))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
