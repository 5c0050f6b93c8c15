//! What a connection is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::saml::SamlSettings;
use super::scim::ScimSettings;
use crate::kernel::Timestamp;

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// People sign in with SAML 2.0.
    Saml,
    /// A directory provisions users and groups with SCIM 2.0.
    Scim,
}

impl Kind {
    /// The name in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "saml",
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
    pub fn kind(&self) -> Kind {
        if self.kind == "scim" { Kind::Scim } else { Kind::Saml }
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled != 0
    }

    /// The settings of a SAML connection; `None` for other kinds.
    #[must_use]
    pub fn saml(&self) -> Option<SamlSettings> {
        (self.kind() == Kind::Saml).then(|| serde_json::from_str(&self.settings).ok()).flatten()
    }

    /// The settings of a directory connection; `None` for other kinds.
    #[must_use]
    pub fn scim(&self) -> Option<ScimSettings> {
        (self.kind() == Kind::Scim).then(|| ScimSettings::parse(&self.settings))
    }

    /// Whether people are sent here whose address has a domain that leads nowhere else.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.is_default != 0
    }

    /// What people see on the sign-in page.
    #[must_use]
    pub fn label(&self) -> String {
        self.saml().and_then(|settings| settings.display_name).unwrap_or_else(|| self.name.clone())
    }
}
