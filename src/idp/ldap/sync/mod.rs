//! Directory sync: users who have left are deactivated, and linked groups follow the directory's groups, on a
//! schedule and on demand, on one node at a time.
//!
//! ```text
//! schedule ─▶ lease ─▶ who has left? ─▶ which groups changed? ─▶ who is in them? ─▶ a unit of work for some groups ─▶ report
//! ```
//!
//! The members of an unchanged group are not read, unless nested groups count. A group that the directory
//! no longer has, or that is empty there but not here, is held until an administrator approves the removal.
//! An error never removes members. Each run first deactivates who has left the directory ([`leavers`]); without
//! group sync, it does nothing else.

mod entry_state;
mod leavers;
mod member_index;
mod model;
mod plan;
mod reader;
mod run;
mod schedule;
mod store;
mod user_matching;
mod worker;

pub use model::{DirectoryLeaver, GroupChange, HeldGroup, HeldUserSearch, SyncOptions, SyncReport, SyncRun};
pub use plan::plan_next_run;
pub use run::run_due;
pub use schedule::Schedule;
pub use store::{latest_runs, next_run_at, request_run, run_by_id};
