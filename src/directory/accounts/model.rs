//! What an account is.

use super::settings::{AuthenticationSettings, UnreadableSettings};
use crate::kernel::Timestamp;

/// A tenant.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// Its short name in addresses: `[a-z0-9-]`, 1 to 63 characters.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// [`AuthenticationSettings`] as JSON.
    pub(super) settings: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// The account's settings; members missing in the stored text have their defaults.
    pub fn settings(&self) -> Result<AuthenticationSettings, UnreadableSettings> {
        AuthenticationSettings::from_stored(&self.id, &self.settings)
    }
}
