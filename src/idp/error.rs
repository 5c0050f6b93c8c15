//! How dealing with a provider's message ends badly.

use super::report::{Check, CheckFailed};
use crate::directory;
use crate::kernel::vault;

/// A message of a provider led to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError<C: Check> {
    /// It did not pass a check.
    #[error(transparent)]
    Refused(CheckFailed<C>),
    /// Something of ours failed before it was judged, or after.
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
