//! What the directory refuses.

use super::accounts::UnreadableSettings;
use crate::kernel::database::{is_duplicate, is_nul_character_error};
use crate::kernel::vault;

/// Why an operation on the directory was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such row in this account; another account's rows do not exist here.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Somebody else has this value already.
    #[error("{field} is taken")]
    Duplicate {
        /// Which value.
        field: &'static str,
    },
    /// A value cannot be used.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong with it, as a clause: "must not be empty".
        reason: String,
    },
    /// It came from an identity provider and is managed there.
    #[error("managed by {connection}; change it there")]
    Managed {
        /// The connection's name.
        connection: String,
    },
    /// A rule of the account forbids it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// It would leave the account without an active administrator. Found by `access`, which knows the roles; stated
    /// here, as the change that it refuses is one to the directory.
    #[error("this is the last active administrator of the account")]
    LastAdmin,
    /// It was changed by somebody else since it was read.
    #[error("it was changed at the same moment")]
    VersionConflict,
    /// The stored settings of the account cannot be read, so nothing that depends on them is done.
    #[error(transparent)]
    UnreadableSettings(#[from] UnreadableSettings),
    /// The database failed.
    #[error(transparent)]
    Database(sqlx::Error),
    /// Something of ours failed: a template, a stored secret.
    #[error("{0}")]
    Internal(String),
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        match error {
            vault::Error::Database(error) => error.into(),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_duplicate(&error) {
            // Lost a race against an equal value: the check before the insert could not see it.
            Self::Duplicate { field: "value" }
        } else if is_nul_character_error(&error) {
            Self::Invalid { field: "value", reason: "must not contain the NUL character".to_owned() }
        } else if let Some(unreadable) = UnreadableSettings::in_query(&error) {
            Self::UnreadableSettings(unreadable.clone())
        } else {
            Self::Database(error)
        }
    }
}
