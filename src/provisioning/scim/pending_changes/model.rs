//! A change that waits.

use vestibule_scim::operation::ScimOperation;

use crate::kernel::Timestamp;
use crate::provisioning::scim::trace::AttributeChange;

/// A change that waits.
#[derive(Debug, Clone)]
pub struct PendingChange {
    /// Its id.
    pub id: String,
    pub(crate) operation: ScimOperation,
    /// The name of the user or group.
    pub subject: String,
    /// What it would change, in the state in which it came.
    pub changes: Vec<AttributeChange>,
    /// How often the client came with it.
    pub attempts: i64,
    /// Why it was refused when somebody let it through.
    pub refusal: Option<String>,
    /// When it came.
    pub first_at: Timestamp,
    /// When it came last.
    pub last_at: Timestamp,
}

impl PendingChange {
    /// `POST`, `PUT`, `PATCH`, `DELETE`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.operation.verb.as_str()
    }

    /// Where it goes.
    #[must_use]
    pub fn path(&self) -> String {
        self.operation.path()
    }
}
