//! One-time links from the console of the host: the first run of a server, and the first password of
//! an administrator made on the command line.

mod complete;
mod links;

pub use complete::{FirstRun, choose_password, complete};
pub use links::{Link, create_for_user, ensure_first_run, find};
