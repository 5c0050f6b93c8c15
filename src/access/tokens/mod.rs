//! Bearer tokens of users, service accounts and provisioning clients. A user's token is bound to the user's
//! epoch, so that deactivating the user or changing the password ends it. A token that was made with another token never
//! lives longer than that one.

mod authenticate;
mod create;
mod model;
mod revoke;
mod store;

pub use authenticate::{AuthenticatedToken, TokenConnection, authenticate};
pub use create::create;
pub use model::{ApiToken, NewToken, TokenOrigin, TokenOwner, TokenPurpose};
pub use revoke::{expire, revoke};
pub use store::{by_id, carry_over, list, of_connection, revoke_void};
