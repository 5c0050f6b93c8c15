//! What can go wrong with a directory.

use std::time::Duration;

use ldap3::{LdapError, LdapResult};

use crate::kernel::{http_client, vault};

/// Why a directory did not do what it was asked. The text is for its administrator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server of it was reached: the last one's reason.
    #[error("{url}: {reason}")]
    Unreachable {
        /// The server.
        url: String,
        /// Why.
        reason: String,
    },
    /// The certificates of the authority cannot be read.
    #[error("the CA certificate is not PEM")]
    InvalidCaCertificate,
    /// The connection broke, or nothing came in time.
    #[error("{0}")]
    ConnectionLost(String),
    /// It said no: the result code and what it said to it.
    #[error("the directory answered {code} ({name}): {text}", name = name(*.code))]
    Refused {
        /// RFC 4511 §4.1.9.
        code: u32,
        /// Its diagnostic message.
        text: String,
    },
    /// More than one entry is meant.
    #[error("several entries have this name")]
    Ambiguous,
    /// The pool is exhausted.
    #[error("all connections to the directory are in use")]
    PoolExhausted,
    /// An address is not allowed.
    #[error(transparent)]
    Outgoing(#[from] http_client::Error),
    /// The password of the bind DN could not be had.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether another connection may do better.
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

/// The names of the codes that administrators meet.
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

/// Waits at most `limit` for an answer.
pub(super) async fn with_timeout<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, LdapError>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::ConnectionLost(format!("no answer within {} ms", limit.as_millis()))),
    }
}
