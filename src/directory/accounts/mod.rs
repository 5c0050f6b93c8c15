//! Accounts, the tenants of this server, and their settings.

mod create;
mod model;
mod settings;
mod store;
mod update;

pub use create::create;
pub use model::Account;
pub use settings::{
    AllowedMethods, AuthenticationSettings, LockoutSettings, MAX_SESSION_MINUTES, PasswordSettings,
    ReviewedSetting, SETTINGS, SessionSettings, Setting, SettingDifference, SettingKind, SettingsChange,
    SettingsForm, SignInRule, SsoInvitations, TwoFactorSettings, UnreadableSettings,
};
pub use store::{
    any_exists, by_id, by_slug, find_single, is_first, list_all, lock, parse_settings, settings_of,
};
pub use update::update_settings;
