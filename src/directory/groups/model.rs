//! What a group is.

use serde_json::{Map, Value};

use crate::directory::Error;
use crate::kernel::Timestamp;

/// A user group as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// The account it belongs to.
    pub account_id: String,
    /// Its name for people, as the client sent it. Not unique.
    pub name: String,
    /// Its name for policies, unique in the account.
    pub identifier: String,
    /// The directory connection that manages it, if one does.
    pub connection_id: Option<String>,
    /// The id the provisioning client gave it.
    pub external_id: Option<String>,
    pub(super) attributes: String,
    /// Rises with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Group {
    /// What else the provisioning client said about it.
    #[must_use]
    pub fn attributes(&self) -> Map<String, Value> {
        serde_json::from_str(&self.attributes).unwrap_or_default()
    }

    /// Refuses to replace stored attributes that cannot be read: they would be lost.
    pub(super) fn ensure_attributes_readable(&self) -> Result<(), Error> {
        match serde_json::from_str::<Map<String, Value>>(&self.attributes) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Internal(format!("stored attributes of group {} cannot be read", self.id))),
        }
    }
}

/// A user in a group.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GroupMember {
    /// The member's id.
    pub user_id: String,
    /// The member's name.
    pub display_name: String,
    /// The member's sign-in name.
    pub user_name: String,
    by_hand: i64,
}

impl GroupMember {
    /// Whether somebody put the member there, beside whatever else put them there.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        self.by_hand != 0
    }
}

/// Memberships made by hand, as opposed to those that came through a connection.
pub(super) const MANUAL: &str = "manual";
