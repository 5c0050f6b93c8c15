//! The authentication settings of an account, each declared once.
//!
//! `declaration.rs` lists every setting with its type, default, kind and the name of its input on the
//! settings page. The types with their JSON and OpenAPI schemas, the body of a change, the checks, the
//! form, the review page and the audit details are derived from that list; `docs/how-to/add-a-setting.md`
//! explains how to extend it. A stored value that cannot be read is refused and never becomes a default.

mod allowed_methods;
mod change;
mod changed_value;
mod declaration;
mod declare;
mod domain_syntax;
mod domains;
mod form;
mod group_names;
mod kind;
mod review;
mod sign_in_rules;
mod sign_in_rules_form;
mod store;
mod stored;
mod two_factor;
mod unreadable;

pub use allowed_methods::AllowedMethods;
pub use change::SettingDifference;
pub use declaration::{
    AuthenticationSettings, LockoutSettings, MAX_SESSION_MINUTES, PasswordSettings, SETTINGS,
    SessionSettings, SettingsChange, SsoInvitations, TwoFactorSettings,
};
pub use form::SettingsForm;
pub use kind::{Setting, SettingKind};
pub use review::ReviewedSetting;
pub use sign_in_rules::SignInRule;
pub(super) use store::connection_names;
pub use unreadable::UnreadableSettings;
