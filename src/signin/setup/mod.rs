//! The first run of a server: one link on the console, one account, one administrator.

mod complete;

pub use complete::{FirstRun, complete, ensure_first_run_link};
