//! The error about stored settings that cannot be read.

use crate::kernel::AccountId;

/// Stored settings that cannot be read. The error contains no stored values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored settings of account {account_id} cannot be read: {cause}")]
pub struct UnreadableSettings {
    /// The id of the account.
    pub account_id: AccountId,
    /// The names of the unreadable settings, or what is wrong with the text as a whole.
    pub cause: String,
}

/// Queries return it as a decoding error, like other rows that cannot be read.
impl From<UnreadableSettings> for sqlx::Error {
    fn from(error: UnreadableSettings) -> Self {
        Self::Decode(Box::new(error))
    }
}

impl UnreadableSettings {
    /// The [`UnreadableSettings`] that caused a query to fail, if any.
    #[must_use]
    pub fn in_query(error: &sqlx::Error) -> Option<&Self> {
        match error {
            sqlx::Error::Decode(cause) => cause.downcast_ref(),
            _ => None,
        }
    }
}
