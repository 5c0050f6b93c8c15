//! The error type of the directory's operations.

use super::accounts::UnreadableSettings;
use crate::kernel::database::{is_duplicate, is_nul_character_error};
use crate::kernel::vault;

/// Why an operation on the directory failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such row in this account. Rows of other accounts are reported in the same way, so that their ids
    /// reveal nothing.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Another row of the account has this value already.
    #[error("{field} is already taken")]
    Duplicate {
        /// The field.
        field: &'static str,
    },
    /// A value is not valid.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it, as a clause such as "must not be empty".
        reason: String,
    },
    /// The user or group is managed by an identity provider and must be changed there.
    #[error("this is managed by the connection {connection}; change it at the identity provider")]
    Managed {
        /// The connection's name.
        connection: String,
    },
    /// A rule of the account forbids the operation.
    #[error("{0}")]
    Forbidden(&'static str),
    /// It would leave the account without an active administrator. Found by `access`, which knows the roles; stated
    /// here, as the change that it refuses is one to the directory.
    #[error("this is the last active administrator of the account")]
    LastAdmin,
    /// Another request changed it after it was read.
    #[error("another request changed it at the same time")]
    VersionConflict,
    /// The stored settings of the account cannot be read, so nothing that depends on them is done.
    #[error(transparent)]
    UnreadableSettings(#[from] UnreadableSettings),
    /// The database failed.
    #[error("{0}")]
    Database(#[source] sqlx::Error),
    /// An internal failure, such as a template or a stored secret.
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
            // A concurrent insert of an equal value, which the check before the insert could not see.
            Self::Duplicate { field: "value" }
        } else if is_nul_character_error(&error) {
            Self::Invalid { field: "value", reason: "must not contain a NUL character".to_owned() }
        } else if let Some(unreadable) = UnreadableSettings::in_query(&error) {
            Self::UnreadableSettings(unreadable.clone())
        } else {
            Self::Database(error)
        }
    }
}
