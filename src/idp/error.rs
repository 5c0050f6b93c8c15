//! The error of handling a provider's message.

use super::report::{Check, CheckFailed};
use crate::directory;
use crate::kernel::vault;

/// Why a message from a provider had no effect.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError<C: Check> {
    /// The message did not pass a check.
    #[error(transparent)]
    Refused(CheckFailed<C>),
    /// An internal error occurred before or after the message was validated.
    #[error(transparent)]
    Failed(directory::Error),
}

impl<C: Check> From<CheckFailed<C>> for MessageError<C> {
    fn from(failed: CheckFailed<C>) -> Self {
        Self::Refused(failed)
    }
}

impl<C: Check> From<directory::Error> for MessageError<C> {
    fn from(error: directory::Error) -> Self {
        Self::Failed(error)
    }
}

impl<C: Check> From<sqlx::Error> for MessageError<C> {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl<C: Check> From<vault::Error> for MessageError<C> {
    fn from(error: vault::Error) -> Self {
        Self::Failed(error.into())
    }
}
