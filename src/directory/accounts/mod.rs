//! Accounts, the tenants of this server, and their settings.

mod create;
mod model;
mod settings;
mod store;
mod update;

pub use create::create;
pub use model::Account;
pub(crate) use settings::is_domain;
pub use settings::{
    AuthenticationSettings, LockoutSettings, MAX_SESSION_MINUTES, PasswordSettings, ReviewedSetting,
    SETTINGS, SessionSettings, Setting, SettingDifference, SettingKind, SettingsChange, SettingsForm,
    SsoInvitations, TwoFactorSettings, UnreadableSettings,
};
pub use store::{any_exists, by_id, by_slug, find_single, list_all, lock, parse_settings, settings_of};
pub use update::update_settings;
