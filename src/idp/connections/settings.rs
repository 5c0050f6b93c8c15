//! The settings of a connection, whatever its protocol.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::kind::{ConnectionKind, UnreadableConnection};
use super::ldap::LdapSettings;
use super::oidc::OidcSettings;
use super::saml::SamlSettings;
use super::scim::ScimSettings;
use crate::directory::Error;
use crate::kernel::TextEnum as _;

/// The settings of a connection. Cheap to clone.
#[derive(Debug, Clone)]
pub enum ConnectionSettings {
    /// SAML.
    Saml(Arc<SamlSettings>),
    /// OpenID Connect or OAuth 2.0.
    Oidc(Arc<OidcSettings>),
    /// LDAP.
    Ldap(Arc<LdapSettings>),
    /// Provisioning with SCIM.
    Scim(Arc<ScimSettings>),
}

impl ConnectionSettings {
    /// Reads stored settings. A missing member takes its default, because it was added later. A member
    /// whose value cannot be read makes all settings unreadable.
    pub fn read(kind: &str, text: &str) -> Result<Self, UnreadableConnection> {
        let kind = ConnectionKind::parse(kind).ok_or_else(|| UnreadableConnection::Kind(kind.to_owned()))?;
        Ok(match kind {
            ConnectionKind::Saml => Self::Saml(parse(text)?),
            ConnectionKind::Oidc => Self::Oidc(parse(text)?),
            ConnectionKind::Ldap => Self::Ldap(parse(text)?),
            ConnectionKind::Scim => Self::Scim(parse(text)?),
        })
    }

    /// The protocol.
    #[must_use]
    pub const fn kind(&self) -> ConnectionKind {
        match self {
            Self::Saml(_) => ConnectionKind::Saml,
            Self::Oidc(_) => ConnectionKind::Oidc,
            Self::Ldap(_) => ConnectionKind::Ldap,
            Self::Scim(_) => ConnectionKind::Scim,
        }
    }

    /// Validates and normalizes the settings.
    pub(super) fn checked(self) -> Result<Self, Error> {
        Ok(match self {
            Self::Saml(settings) => Self::Saml(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
            Self::Oidc(settings) => Self::Oidc(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
            Self::Ldap(settings) => Self::Ldap(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
            Self::Scim(settings) => Self::Scim(Arc::new(Arc::unwrap_or_clone(settings).checked()?)),
        })
    }

    /// Whether a successful test with the settings `before` also holds for these settings.
    pub(super) fn has_same_trust_as(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Saml(settings), Self::Saml(before)) => settings.has_same_trust_as(before),
            (Self::Oidc(settings), Self::Oidc(before)) => settings.has_same_trust_as(before),
            (Self::Ldap(settings), Self::Ldap(before)) => settings.has_same_trust_as(before),
            (Self::Scim(_), Self::Scim(_)) => true,
            _ => false,
        }
    }

    /// The form in which they are stored.
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
    // serde also deserializes structs from sequences and gives missing trailing members their defaults.
    if !text.trim_start().starts_with('{') {
        return Err(UnreadableConnection::Settings("they are not a JSON object".to_owned()));
    }
    serde_json::from_str(text)
        .map(Arc::new)
        .map_err(|error| UnreadableConnection::Settings(error.to_string()))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
