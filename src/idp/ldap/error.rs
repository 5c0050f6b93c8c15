//! Errors of LDAP operations.

use std::time::Duration;

use ldap3::{LdapError, LdapResult};

use crate::kernel::{http_client, vault};

/// Why an LDAP operation failed. The text is for administrators.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server was reached; holds the error of the last one.
    #[error("{url}: {error}")]
    Unreachable {
        /// The server.
        url: String,
        /// The error. Only its cause says why.
        error: http_client::Error,
    },
    /// The CA certificate cannot be parsed.
    #[error("the CA certificates cannot be read; they must be valid certificates in PEM format")]
    InvalidCaCertificate,
    /// The connection broke, or no response came in time.
    #[error("{0}")]
    ConnectionLost(String),
    /// The directory answered with an error result.
    #[error("the directory responded with {code} ({name}): {text}", name = name(*.code))]
    Refused {
        /// The result code (RFC 4511 §4.1.9).
        code: u32,
        /// The diagnostic message.
        text: String,
    },
    /// More than one entry matches the identifier.
    #[error("several entries match this identifier")]
    Ambiguous,
    /// No connection of the pool became free in time.
    #[error("all connections to the directory are in use")]
    PoolExhausted,
    /// The password of the bind DN could not be read.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The database failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether no server was reached.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// The exact cause, for the operator.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Unreachable { url, error } => format!("{url}: {}", error.cause()),
            other => other.to_string(),
        }
    }

    /// Whether the directory has ended the answer to a request, so that other requests may still succeed.
    pub(super) fn ends_answer(&self) -> bool {
        matches!(self, Self::Refused { .. }) && !self.is_retryable()
    }

    /// Whether a retry on another connection may succeed.
    pub(super) fn is_retryable(&self) -> bool {
        matches!(self, Self::ConnectionLost(_))
            || matches!(self, Self::Refused { code, .. } if matches!(code, 51 | 52))
    }
}

impl From<LdapError> for Error {
    fn from(error: LdapError) -> Self {
        match error {
            LdapError::LdapResult { result } => result.into(),
            other => Self::ConnectionLost(other.to_string()),
        }
    }
}

impl From<LdapResult> for Error {
    fn from(result: LdapResult) -> Self {
        Self::Refused { code: result.rc, text: result.text }
    }
}

/// The names of the result codes that administrators are likely to see.
fn name(code: u32) -> &'static str {
    match code {
        1 => "operations error",
        3 => "time limit exceeded",
        4 => "size limit exceeded",
        7 => "authentication method not supported",
        8 => "stronger authentication required",
        10 => "referral",
        11 => "administrative limit exceeded",
        13 => "confidentiality required",
        32 => "no such object",
        34 => "invalid DN syntax",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        _ => "see RFC 4511",
    }
}

/// Waits at most `limit` for a response.
pub(super) async fn with_timeout<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, LdapError>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::ConnectionLost(format!("no response within {} ms", limit.as_millis()))),
    }
}
