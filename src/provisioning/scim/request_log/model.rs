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

/// A request in the request log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Logged {
    /// The log entry's ID.
    pub id: String,
    /// When the request was received.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// The path and query of the request, below the base URL.
    pub path: String,
    /// The HTTP status of the response.
    pub status: i64,
    /// The duration in microseconds.
    pub micros: i64,
    /// The name of the user or group, or the value that was searched for.
    pub subject: String,
    /// The ID of the user or group.
    pub resource_id: String,
    /// The number of results, or the error message that the client received.
    pub note: String,
    /// For a failed request: how to fix the problem.
    pub advice: Option<&'static str>,
    /// The attributes that changed.
    pub changes: Vec<AttributeChange>,
    /// The request ID, as in the audit trail.
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
