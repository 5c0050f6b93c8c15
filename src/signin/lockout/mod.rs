//! Lockout: after a number of failed attempts in a row, nothing is checked for a while.
//!
//! An attempt is counted *before* the secret is checked, and cleared when it was right. However many
//! requests race on however many nodes, no more than the limit are checked: the database's row lock puts
//! the attempts in sequence.
//!
//! Each user has a counter for each kind of credential. An attempt with an unknown name is counted too,
//! under one of 4,096 decoy keys, so that it does the same work and the table does not reveal which users
//! exist.

mod model;
mod report;
mod store;
mod unlock;

pub(super) use model::decoy_key;
pub use model::{Attempt, AttemptDecision, CredentialKind, LockNotice};
pub(super) use report::report_lock;
pub(super) use store::{clear_failures, delete_stale, record_attempt, record_attempt_alone, write_decoy};
pub use store::{locked_count, locked_until};
pub use unlock::unlock;
