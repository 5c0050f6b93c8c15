//! Browser sessions: a secret in a cookie that names a row, its hash in the row.

mod authenticate;
mod create;
mod model;
mod provider;
mod revoke;
mod store;
mod uses;

pub use authenticate::authenticate;
pub use create::{create, renew};
pub use model::{Session, device_name};
pub use provider::{Origin, end_at_provider, origin_of};
pub use revoke::{revoke, revoke_all, sign_out};
pub(super) use store::forget_second_factor;
pub use store::{Limits, by_id, count_ended_by, count_without_factor, delete_ended, has_method, of_user};
pub use uses::Uses;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
