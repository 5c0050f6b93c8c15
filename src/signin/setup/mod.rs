//! The first run of a server: a link on the console creates the first account and its administrator.

mod complete;

pub use complete::{FirstRun, complete, ensure_first_run_link};
