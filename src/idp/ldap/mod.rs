//! LDAP directories: people sign in with their password there, and linked groups follow the directory's.

mod check;
mod door;
mod error;
mod person;
mod pool;
mod search;
mod signin;
pub mod sync;
mod trial;
mod verdict;

pub use check::Check;
pub use door::door_for_all;
pub use error::Error;
pub use pool::{BIND_PASSWORD, Pools};
pub use signin::{confirm, prove};
pub use trial::{examine, run as run_trial};
