//! Users: people with an entry in an account.

mod create;
mod create_many;
mod delete;
mod model;
mod names;
mod places;
mod store;
mod total;
mod update;

pub use create::{create, create_at_once, create_pending};
pub use create_many::create_many;
pub use delete::delete;
pub use model::{Authority, Profile, User};
pub use names::Names;
pub use places::Places;
pub(crate) use store::COLUMNS_OF_U;
pub(super) use store::connection_name;
pub use store::{
    Match, anywhere, by_email, by_id, count, count_outside, due_for_welcome, ids_by_email, list_after,
    search, sole_by_email_anywhere, take_welcome, window,
};
pub use total::Totals;
pub use update::{set_active, update};
