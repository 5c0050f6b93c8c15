//! Linked groups follow the directory's: on a schedule and on demand, on one node at a time.
//!
//! ```text
//! schedule ─▶ lease ─▶ which groups changed? ─▶ who is in them? ─▶ a unit of work for some groups ─▶ report
//! ```
//!
//! A group that has not changed is not read; a group that is empty or gone where it had members is left as it is, until
//! an administrator says that this is meant. Nothing is taken from anybody by an error.

mod member_index;
mod model;
mod plan;
mod reader;
mod run;
mod schedule;
mod store;
mod user_matching;
mod worker;

pub use model::{GroupChange, HeldGroup, SyncOptions, SyncReport, SyncRun};
pub use plan::plan_next_run;
pub use run::run_due;
pub use schedule::Schedule;
pub use store::{latest_runs, next_run_at, request_run, run_by_id};
