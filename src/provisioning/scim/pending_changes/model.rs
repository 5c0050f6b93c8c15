//! The type of pending changes.

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
