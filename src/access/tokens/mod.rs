//! Bearer tokens of users, service accounts and provisioning clients.

mod authenticate;
mod create;
mod model;
mod revoke;
mod store;

pub use authenticate::{Bearer, Provisions, authenticate};
pub use create::{NewToken, Owner, create};
pub use model::{Token, TokenPurpose};
pub use revoke::{expire, revoke};
pub use store::{by_id, list, of_connection};
