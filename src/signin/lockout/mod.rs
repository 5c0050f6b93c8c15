//! Lockout: so many wrong attempts in a row, then nothing is checked for a while.
//!
//! An attempt is counted *before* the secret is checked and uncounted when it was right. However many
//! requests race on however many nodes, no more than the limit ever get as far as the check: the
//! database's row lock hands the attempts out one by one.
//!
//! Counters are kept for each user and kind of secret. An attempt with an unknown name is counted too, under one of
//! 256 decoy keys: it does the same work and leaves no list of who exists.

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
