//! The types of the request log.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::kernel::Timestamp;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::trace::{AttributeChange, Trace};

/// A request that was answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestLogEntry {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) duration: Duration,
    pub(crate) trace: Trace,
    pub(crate) error: Option<Error>,
}

/// A request as the log tells it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Logged {
    /// Its id.
    pub id: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// `GET`, `POST` …
    pub method: String,
    /// Its path and query, below the base URL.
    pub path: String,
    /// The HTTP status it was answered with.
    pub status: i64,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// The name of the user or group it was about, or what it looked for.
    pub subject: String,
    /// The id of the user or group.
    pub resource_id: String,
    /// How many were found; or, of a request that failed, what the client was told.
    pub note: String,
    /// Of a request that failed, what to do.
    pub advice: Option<&'static str>,
    /// What changed.
    pub changes: Vec<AttributeChange>,
    /// The request's id, as in the audit trail.
    pub request_id: String,
}

impl Logged {
    /// Whether the request failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.status >= 400
    }

    /// The duration for display.
    #[must_use]
    pub fn took(&self) -> String {
        match self.micros {
            few @ ..1000 => format!("{few} µs"),
            some => format!("{} ms", some / 1000),
        }
    }
}

/// Filters on the request log.
#[derive(Debug, Clone, Default)]
pub struct ScimLogQuery {
    /// Only requests about one of these, by folded name or by id; `None` does not filter.
    pub names: Option<Vec<String>>,
    /// Only failed requests.
    pub failed_only: bool,
    /// Only requests that changed something.
    pub changes_only: bool,
}
