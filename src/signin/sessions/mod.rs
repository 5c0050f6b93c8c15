//! Browser sessions. The cookie holds a secret that names a row, and the row holds the secret's hash.

mod activity;
mod authenticate;
mod create;
mod model;
mod revoke;
mod store;
mod upstream;

pub use activity::SessionActivity;
pub use authenticate::{RequestedBy, authenticate, authenticate_derived};
pub use create::{create, renew};
pub use model::{Session, device_name};
pub(super) use revoke::end_replaced;
pub use revoke::{revoke, revoke_all, revoke_of_connection, sign_out, sweep};
pub(super) use store::forget_second_factor;
pub use store::{
    by_id, carry_over, count_ended_by, count_without_factor, delete_ended, exists_with_method,
    has_second_factor, of_user,
};
pub use upstream::{UpstreamSession, revoke_by_provider, upstream_session_of};

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
