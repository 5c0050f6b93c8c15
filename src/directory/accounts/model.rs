//! The type of accounts.

use super::settings::{AuthenticationSettings, UnreadableSettings};
use crate::kernel::{AccountId, Timestamp};

/// An account: a tenant of this server.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Account {
    /// The account's id.
    pub id: AccountId,
    /// The short name in URLs: `[a-z0-9-]`, 1 to 63 characters.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// [`AuthenticationSettings`] as JSON.
    pub(super) settings: String,
    /// When the account was created.
    pub created_at: Timestamp,
}

impl Account {
    /// The account's settings. Members that are missing in the stored text have their defaults.
    pub fn settings(&self) -> Result<AuthenticationSettings, UnreadableSettings> {
        AuthenticationSettings::from_stored(&self.id, &self.settings)
    }
}
