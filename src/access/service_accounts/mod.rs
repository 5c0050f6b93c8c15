//! Service accounts: the principals that programs act as. A provisioning connection has one of its own.

mod create;
mod delete;
mod store;

pub use create::create;
pub use delete::delete;
pub use store::{ServiceAccount, by_id, by_name, list, of_connection};
