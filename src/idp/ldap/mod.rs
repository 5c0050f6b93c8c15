//! LDAP directories: users sign in with their directory password, and linked groups follow the directory's
//! groups.

mod bind_outcome;
mod check;
mod connection_test;
mod default_directory;
mod error;
mod model;
mod pool;
mod search;
mod signin;
pub mod sync;
mod user_search;

pub use check::LdapCheck;
pub use connection_test::{reach, run as run_connection_test, run_checks};
pub use default_directory::default_directory_for;
pub use error::Error;
pub use pool::{BIND_PASSWORD, LdapPools};
pub use signin::{reauthenticate, sign_in};
