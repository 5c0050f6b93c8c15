//! Typed connections: a connection together with the settings of its kind, as the protocols use it.

use std::ops::Deref;
use std::sync::Arc;

use super::kind::{ConnectionKind, UnreadableConnection};
use super::ldap::LdapSettings;
use super::model::Connection;
use super::oidc::OidcSettings;
use super::saml::SamlSettings;
use super::scim::ScimSettings;
use super::settings::ConnectionSettings;

/// A connection with the settings of its kind. It dereferences to [`Connection`] where the kind does not
/// matter.
#[derive(Debug, Clone)]
pub struct ConnectionOf<S> {
    connection: Connection,
    /// The settings, parsed once when the connection was loaded.
    pub settings: Arc<S>,
}

/// A connection to a SAML identity provider.
pub type SamlConnection = ConnectionOf<SamlSettings>;
/// A connection to an OpenID Connect or OAuth 2.0 provider.
pub type OidcConnection = ConnectionOf<OidcSettings>;
/// A connection to an LDAP directory.
pub type LdapConnection = ConnectionOf<LdapSettings>;
/// A connection for a provisioning client.
pub type ScimConnection = ConnectionOf<ScimSettings>;

impl<S> ConnectionOf<S> {
    pub(super) const fn new(connection: Connection, settings: Arc<S>) -> Self {
        Self { connection, settings }
    }

    /// The untyped connection.
    #[must_use]
    pub fn into_connection(self) -> Connection {
        self.connection
    }
}

impl<S> Deref for ConnectionOf<S> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// A connection of any kind.
#[derive(Debug, Clone)]
pub enum TypedConnection {
    /// SAML.
    Saml(SamlConnection),
    /// OpenID Connect or OAuth 2.0.
    Oidc(OidcConnection),
    /// LDAP.
    Ldap(LdapConnection),
    /// Provisioning with SCIM.
    Scim(ScimConnection),
}

impl TypedConnection {
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

    /// The SAML connection, if it is one.
    #[must_use]
    pub fn into_saml(self) -> Option<SamlConnection> {
        if let Self::Saml(connection) = self { Some(connection) } else { None }
    }

    /// The OpenID Connect or OAuth connection, if it is one.
    #[must_use]
    pub fn into_oidc(self) -> Option<OidcConnection> {
        if let Self::Oidc(connection) = self { Some(connection) } else { None }
    }

    /// The LDAP connection, if it is one.
    #[must_use]
    pub fn into_ldap(self) -> Option<LdapConnection> {
        if let Self::Ldap(connection) = self { Some(connection) } else { None }
    }

    /// The provisioning connection, if it is one.
    #[must_use]
    pub fn into_scim(self) -> Option<ScimConnection> {
        if let Self::Scim(connection) = self { Some(connection) } else { None }
    }
}

impl Connection {
    /// The connection with the settings of its kind, or the reason why they cannot be read.
    pub fn typed(self) -> Result<TypedConnection, UnreadableConnection> {
        Ok(match self.settings()?.clone() {
            ConnectionSettings::Saml(settings) => TypedConnection::Saml(SamlConnection::new(self, settings)),
            ConnectionSettings::Oidc(settings) => TypedConnection::Oidc(OidcConnection::new(self, settings)),
            ConnectionSettings::Ldap(settings) => TypedConnection::Ldap(LdapConnection::new(self, settings)),
            ConnectionSettings::Scim(settings) => TypedConnection::Scim(ScimConnection::new(self, settings)),
        })
    }
}
