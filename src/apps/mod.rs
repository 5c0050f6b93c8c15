//! Applications that learn from this server which user sent a request: their registration, the sessions and
//! tokens that count for one of them, and the keys that sign statements about users.

mod create;
mod delete;
pub mod forward_auth;
mod host;
mod model;
mod ownership;
pub mod signing_keys;
mod store;
mod update;

pub use create::create;
pub use delete::delete;
pub use host::{hostname_of, parse_host, strip_default_port};
pub use model::{Application, ApplicationKind, ApplicationUpdate, NewApplication};
pub use store::{by_host, by_id, find, list};
pub use update::update;
