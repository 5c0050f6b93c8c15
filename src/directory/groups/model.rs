//! Groups and their members.

use serde_json::{Map, Value};

use crate::directory::Error;
use crate::kernel::{AccountId, ConnectionId, GroupId, Timestamp, UserId};

/// A user group as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The account it belongs to.
    pub account_id: AccountId,
    /// The display name, as the client sent it. Not unique.
    pub name: String,
    /// The name in policies and URLs, unique in the account.
    pub identifier: String,
    /// The provisioning connection that manages the group, if any.
    pub connection_id: Option<ConnectionId>,
    /// The identifier that the provisioning client gave it.
    pub external_id: Option<String>,
    pub(super) attributes: String,
    /// Incremented with each change; the source of the entity tag.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Group {
    /// Other attributes that the provisioning client sent.
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

/// A user as a member of a group.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GroupMember {
    /// The user's id.
    pub user_id: UserId,
    /// The user's display name.
    pub display_name: String,
    /// The user's username.
    pub user_name: String,
    by_hand: i64,
}

impl GroupMember {
    /// Whether an administrator added the member, whether or not a connection did so too.
    #[must_use]
    pub fn is_by_hand(&self) -> bool {
        self.by_hand != 0
    }
}

/// The source of memberships that an administrator created. Other sources are connection ids.
pub(super) const MANUAL: &str = "manual";

/// The parameters of a new group.
#[derive(Debug, Clone, Default)]
pub struct NewGroup {
    /// Its display name.
    pub name: String,
    /// The identifier that the provisioning client gives it.
    pub external_id: Option<String>,
    /// Other attributes that the provisioning client wants stored.
    pub attributes: Map<String, Value>,
}
