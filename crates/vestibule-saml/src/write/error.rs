//! Why a message could not be written.

/// An internal error, for the log.
#[derive(Debug, thiserror::Error)]
#[error("the SAML message could not be created: {0}")]
pub struct WriteError(String);

impl WriteError {
    pub(crate) fn new(cause: &dyn std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}
