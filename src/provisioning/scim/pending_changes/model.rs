//! The types of pending changes.

use std::time::Duration;

use vestibule_scim::operation::ScimOperation;

use crate::kernel::Timestamp;
use crate::provisioning::scim::trace::AttributeChange;

/// A change that waits for approval.
#[derive(Debug, Clone)]
pub struct PendingChange {
    /// The id of the pending change.
    pub id: String,
    pub(crate) operation: ScimOperation,
    /// The name of the user or group.
    pub subject: String,
    /// What it would change, relative to the state at its arrival.
    pub changes: Vec<AttributeChange>,
    /// How often the client sent it.
    pub attempts: i64,
    /// Why it was refused when an administrator approved it.
    pub refusal: Option<String>,
    /// When it first arrived.
    pub first_at: Timestamp,
    /// When it last arrived.
    pub last_at: Timestamp,
}

impl PendingChange {
    /// The HTTP method: `POST`, `PUT`, `PATCH` or `DELETE`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.operation.verb.as_str()
    }

    /// The path below the base URL.
    #[must_use]
    pub fn path(&self) -> String {
        self.operation.path()
    }
}

/// How long the administrators get no second mail about a pending change.
const MAIL_INTERVAL: Duration = Duration::from_hours(24);

/// A pending change as it was stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredChange {
    pub(super) id: String,
    /// How often this content has arrived.
    pub(super) attempts: i64,
    /// The id that the change had when the administrators were last mailed about it.
    mailed_id: Option<String>,
    mailed_at: Option<Timestamp>,
}

impl StoredChange {
    /// Whether the administrators are to be mailed about this content: once, and not within a day of a mail about
    /// earlier content. Otherwise a client that alternates the content would mail them each time.
    pub(super) fn is_mail_due(&self, now: Timestamp) -> bool {
        let is_mailed = self.mailed_id.as_ref() == Some(&self.id);
        !is_mailed && self.mailed_at.is_none_or(|at| at <= now.minus(MAIL_INTERVAL))
    }
}
