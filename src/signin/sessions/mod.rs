//! Browser sessions: an opaque token in a cookie, its hash in a row.

mod authenticate;
mod create;
mod model;
mod revoke;
mod store;

pub use authenticate::authenticate;
pub use create::create;
pub use model::Session;
pub use revoke::{revoke, revoke_all, sign_out};
pub use store::{by_id, delete_ended, of_user};
