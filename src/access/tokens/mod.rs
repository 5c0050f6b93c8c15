//! Bearer tokens of users, service accounts and provisioning clients. A user's token is bound to the user's
//! epoch, so that deactivating the user ends it.

mod authenticate;
mod create;
mod model;
mod revoke;
mod store;

pub use authenticate::{AuthenticatedToken, TokenConnection, authenticate};
pub use create::create;
pub use model::{ApiToken, NewToken, TokenOwner, TokenPurpose};
pub use revoke::{expire, revoke};
pub use store::{by_id, list, of_connection};
