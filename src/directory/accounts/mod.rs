//! Accounts, the tenants of this server, and their settings.

mod create;
mod model;
mod settings;
pub(crate) use settings::is_domain;
mod store;

pub use create::create;
pub use model::Account;
pub use settings::{SessionSettings, Settings, update_settings};
pub use store::{any_exists, by_id, by_slug, only_one, settings_of};
