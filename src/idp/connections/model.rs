//! What a connection is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ldap::LdapSettings;
use super::oidc::OidcSettings;
use super::saml::SamlSettings;
use super::scim::ScimSettings;
use crate::audit::{Actor, ActorKind};
use crate::kernel::Timestamp;

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
    /// The name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Saml => "SAML",
            Self::Oidc => "OpenID",
            Self::Ldap => "LDAP",
            Self::Scim => "SCIM",
        }
    }

    /// Whether people sign in with it.
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
}

/// A connection as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Connection {
    /// Its id, part of its URLs.
    pub id: String,
    /// The account it belongs to.
    pub account_id: String,
    pub(super) kind: String,
    /// Its name, unique in the account without case.
    pub name: String,
    pub(super) enabled: i32,
    pub(super) settings: String,
    /// Whether people are sent here who are not told apart by their domain.
    pub(super) is_default: i32,
    /// Its place among the ways to sign in, from the top.
    pub position: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When a test of it as it is now succeeded.
    pub tested_at: Option<Timestamp>,
    /// The administrator who came through in that test, under their own address.
    pub tested_by: Option<String>,
    /// Since when a directory connection takes no changes, because too many people would lose access.
    pub paused_at: Option<Timestamp>,
}

impl Connection {
    /// Its protocol.
    #[must_use]
    pub fn kind(&self) -> ConnectionKind {
        match self.kind.as_str() {
            "scim" => ConnectionKind::Scim,
            "oidc" => ConnectionKind::Oidc,
            "ldap" => ConnectionKind::Ldap,
            _ => ConnectionKind::Saml,
        }
    }

    /// It as the one who acts, for what the other side makes happen.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { kind: ActorKind::System, id: Some(self.id.clone()), name: self.name.clone() }
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled != 0
    }

    /// The settings of a SAML connection; `None` for other kinds.
    #[must_use]
    pub fn saml(&self) -> Option<SamlSettings> {
        (self.kind() == ConnectionKind::Saml).then(|| serde_json::from_str(&self.settings).ok()).flatten()
    }

    /// The settings of an `OpenID` Connect connection; `None` for other kinds.
    #[must_use]
    pub fn oidc(&self) -> Option<OidcSettings> {
        (self.kind() == ConnectionKind::Oidc).then(|| serde_json::from_str(&self.settings).ok()).flatten()
    }

    /// The settings of an LDAP connection; `None` for other kinds.
    #[must_use]
    pub fn ldap(&self) -> Option<LdapSettings> {
        (self.kind() == ConnectionKind::Ldap).then(|| serde_json::from_str(&self.settings).ok()).flatten()
    }

    /// The settings of a directory connection; `None` for other kinds.
    #[must_use]
    pub fn scim(&self) -> Option<ScimSettings> {
        (self.kind() == ConnectionKind::Scim).then(|| ScimSettings::parse(&self.settings))
    }

    /// Whether people are sent here whose address has a domain that leads nowhere else.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.is_default != 0
    }

    /// What people see on the sign-in page.
    #[must_use]
    pub fn label(&self) -> String {
        let shown = match self.kind() {
            ConnectionKind::Saml => self.saml().and_then(|settings| settings.display_name),
            ConnectionKind::Oidc => self.oidc().and_then(|settings| settings.display_name),
            ConnectionKind::Ldap => self.ldap().and_then(|settings| settings.display_name),
            ConnectionKind::Scim => None,
        };
        shown.unwrap_or_else(|| self.name.clone())
    }

    /// Whether people are put into groups as it says.
    #[must_use]
    pub fn syncs_groups(&self) -> bool {
        match self.kind() {
            ConnectionKind::Saml => self.saml().is_some_and(|settings| settings.people.group_sync),
            ConnectionKind::Oidc => self.oidc().is_some_and(|settings| settings.people.group_sync),
            ConnectionKind::Ldap => self.ldap().is_some_and(|settings| settings.group_sync),
            ConnectionKind::Scim => false,
        }
    }

    /// Whether it makes a user of somebody who is unknown here.
    #[must_use]
    pub fn has_jit_provisioning(&self) -> bool {
        match self.kind() {
            ConnectionKind::Saml => self.saml().is_some_and(|settings| settings.people.jit.enabled),
            ConnectionKind::Oidc => self.oidc().is_some_and(|settings| settings.people.jit.enabled),
            ConnectionKind::Ldap => self.ldap().is_some_and(|settings| settings.jit.enabled),
            ConnectionKind::Scim => false,
        }
    }

    /// Whether it is a button on the sign-in page. A directory's password is typed where passwords are.
    #[must_use]
    pub fn has_button(&self) -> bool {
        !matches!(self.kind(), ConnectionKind::Ldap | ConnectionKind::Scim)
    }

    /// The local path where a sign-in with it begins. The password of a directory is asked for here.
    #[must_use]
    pub fn login_path(&self) -> String {
        match self.kind() {
            ConnectionKind::Ldap => "/login/password".to_owned(),
            _ => format!("/{}/{}/login", self.kind, self.id),
        }
    }
}
