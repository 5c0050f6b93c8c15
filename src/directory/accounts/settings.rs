//! What an account's administrators set for everybody in it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::directory::{Error, check_name, fold_case};
use crate::kernel::Timestamp;

/// The authentication settings of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Settings)]
pub struct AuthenticationSettings {
    /// What a password must be.
    pub password: PasswordSettings,
    /// What wrong passwords lead to.
    pub lockout: LockoutSettings,
    /// Who needs a second factor.
    pub two_factor: TwoFactorSettings,
    /// How long sessions last.
    pub session: SessionSettings,
    /// When not empty, only addresses in these domains may sign in, by whatever way.
    pub email_domains: Vec<String>,
    /// Whether `/login/local` is open to administrators when single sign-on is broken.
    pub local_login: bool,
    /// What invited people get whose address signs in through an identity provider.
    pub sso_invitations: SsoInvitations,
    /// The name that mails of this account come from; the account's name when not set.
    pub mail_sender_name: Option<String>,
}

impl Default for AuthenticationSettings {
    fn default() -> Self {
        Self {
            password: PasswordSettings::default(),
            lockout: LockoutSettings::default(),
            two_factor: TwoFactorSettings::default(),
            session: SessionSettings::default(),
            email_domains: Vec::new(),
            local_login: true,
            sso_invitations: SsoInvitations::Invite,
            mail_sender_name: None,
        }
    }
}

/// What a password must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch on the settings page")]
pub struct PasswordSettings {
    /// Characters at least, 1 to 128.
    pub min_length: u32,
    /// At least one upper-case letter.
    pub require_upper: bool,
    /// At least one lower-case letter.
    pub require_lower: bool,
    /// At least one digit.
    pub require_digit: bool,
    /// At least one character that is neither letter nor digit.
    pub require_special: bool,
    /// Refuse the most used passwords and those made of the person's own name or address.
    pub refuse_common: bool,
    /// Days a password is valid, at most 3650; 0 for no end.
    pub expires_after_days: u32,
    /// Days before the end from which the person is warned; less than `expires_after_days`.
    pub warn_before_days: u32,
    /// How many passwords, the present one included, cannot be chosen again; 0 to 24.
    pub history: u32,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            min_length: 10,
            require_upper: false,
            require_lower: false,
            require_digit: false,
            require_special: false,
            refuse_common: true,
            expires_after_days: 0,
            warn_before_days: 14,
            history: 0,
        }
    }
}

/// What wrong passwords lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct LockoutSettings {
    /// Wrong attempts in a row that lock a user, 3 to 20.
    pub attempts: u32,
    /// Minutes a user stays locked, 1 to 43200 (30 days).
    pub duration_minutes: u32,
    /// Whether the locked user is told by mail.
    pub notify_user: bool,
    /// The id of a user group whose members are told by mail.
    pub notify_group: Option<String>,
}

impl Default for LockoutSettings {
    fn default() -> Self {
        Self { attempts: 10, duration_minutes: 15, notify_user: true, notify_group: None }
    }
}

/// Who needs a second factor, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TwoFactorSettings {
    /// Whether everybody in the account needs one.
    pub enforced: bool,
    /// The ids of user groups whose members need one when not everybody does, at most 50.
    pub groups: Vec<String>,
    /// Days for which sessions of people without one go on after it was enforced, at most 90. A new sign-in
    /// asks for it at once.
    pub grace_days: u32,
    /// Days for which a browser is not asked again, at most 90; 0 to ask each time.
    pub remember_days: u32,
    /// Whether a passkey alone opens the door: it stands for both factors.
    pub passkey_sign_in: bool,
    /// Since when it is enforced for everybody or for the latest of the groups. Set by the server.
    #[schema(value_type = Option<String>, format = DateTime, read_only)]
    pub enforced_since: Option<Timestamp>,
}

impl Default for TwoFactorSettings {
    fn default() -> Self {
        Self {
            enforced: false,
            groups: Vec::new(),
            grace_days: 0,
            remember_days: 0,
            passkey_sign_in: true,
            enforced_since: None,
        }
    }
}

impl TwoFactorSettings {
    /// Whether anybody needs one.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.enforced || !self.groups.is_empty()
    }

    /// Whether `self` asks for one from people from whom `before` did not.
    #[must_use]
    pub fn widens(&self, before: &Self) -> bool {
        let asks_more = |id: &String| !before.groups.contains(id);
        !before.enforced && (self.enforced || self.groups.iter().any(asks_more))
    }

    /// When sessions without one stop being good, if it is enforced.
    #[must_use]
    pub fn grace_ends_at(&self) -> Option<Timestamp> {
        let grace = Duration::from_hours(24 * u64::from(self.grace_days));
        self.enforced_since.filter(|_| self.is_enforced()).map(|since| since.plus(grace))
    }
}

/// How long sessions last. Whichever ends first wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct SessionSettings {
    /// Minutes without a request, 30 to 4320.
    pub inactivity_minutes: u32,
    /// Minutes since sign-in, at most 4320; 0 for no limit.
    pub absolute_minutes: u32,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { inactivity_minutes: 1440, absolute_minutes: 0 }
    }
}

/// The most minutes a session may be idle, whatever an account sets.
pub const MAX_SESSION_MINUTES: u32 = 4320;

/// What invited people get whose address signs in through an identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SsoInvitations {
    /// A mail with a link; they are pending until they follow it or sign in.
    Invite,
    /// They are active at once and get a mail that says so.
    Notice,
    /// They are active at once, without mail.
    Active,
}

impl SsoInvitations {
    /// The name in the API and in forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Notice => "notice",
            Self::Active => "active",
        }
    }

    /// Reads [`SsoInvitations::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Invite, Self::Notice, Self::Active].into_iter().find(|mode| mode.as_str() == text)
    }
}

impl AuthenticationSettings {
    pub(super) fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> String {
        json!(self).to_string()
    }

    /// Whether an address in `domain` (folded) may sign in.
    #[must_use]
    pub fn allows_domain(&self, domain: &str) -> bool {
        self.email_domains.is_empty() || self.email_domains.iter().any(|allowed| allowed == domain)
    }

    /// Which domains may sign in, in words.
    #[must_use]
    pub fn allowed_domains_text(&self) -> String {
        if self.email_domains.is_empty() { "any domain".to_owned() } else { self.email_domains.join(", ") }
    }

    /// The members that differ between two settings, by their dotted names: (name, before, after).
    #[must_use]
    pub fn changes(&self, after: &Self) -> Vec<(String, Value, Value)> {
        let (before, after) = (flatten_members(&json!(self)), flatten_members(&json!(after)));
        let changed = after.into_iter().filter_map(|(name, new)| {
            let old = before.get(&name).cloned().unwrap_or(Value::Null);
            (old != new).then_some((name, old, new))
        });
        changed.collect()
    }

    /// Puts the members into their normal form and refuses what is out of range.
    pub fn checked(mut self) -> Result<Self, Error> {
        let Self { password, lockout, session, two_factor, .. } = &self;
        in_range("password.min_length", password.min_length, 1, 128)?;
        in_range("password.expires_after_days", password.expires_after_days, 0, 3650)?;
        in_range("password.history", password.history, 0, 24)?;
        in_range("lockout.attempts", lockout.attempts, 3, 20)?;
        in_range("lockout.duration_minutes", lockout.duration_minutes, 1, 43_200)?;
        in_range("two_factor.grace_days", two_factor.grace_days, 0, 90)?;
        in_range("two_factor.remember_days", two_factor.remember_days, 0, 90)?;
        in_range("session.inactivity_minutes", session.inactivity_minutes, 30, MAX_SESSION_MINUTES)?;
        in_range("session.absolute_minutes", session.absolute_minutes, 0, MAX_SESSION_MINUTES)?;
        if password.expires_after_days > 0 && password.warn_before_days >= password.expires_after_days {
            let reason = "must be less than the days a password is valid".to_owned();
            return Err(Error::Invalid { field: "password.warn_before_days", reason });
        }
        self.email_domains =
            self.email_domains.iter().map(|d| fold_case(d.trim_start_matches('@'))).collect();
        self.email_domains.sort();
        self.email_domains.dedup();
        if self.email_domains.len() > 500 || self.email_domains.iter().any(|d| !is_domain(d)) {
            let reason = "must be domains such as example.com, at most 500".to_owned();
            return Err(Error::Invalid { field: "email_domains", reason });
        }
        self.two_factor.groups.sort();
        self.two_factor.groups.dedup();
        if self.two_factor.groups.len() > 50 {
            let reason = "must be at most 50 groups; enforce it for everybody instead".to_owned();
            return Err(Error::Invalid { field: "two_factor.groups", reason });
        }
        let trimmed = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        self.lockout.notify_group = trimmed(self.lockout.notify_group);
        self.mail_sender_name = trimmed(self.mail_sender_name);
        if let Some(name) = &self.mail_sender_name {
            check_name("mail_sender_name", name, 64)?;
        }
        Ok(self)
    }
}

fn in_range(field: &'static str, value: u32, least: u32, most: u32) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::Invalid { field, reason: format!("must be between {least} and {most}") })
}

/// `{"a": {"b": 1}}` as `{"a.b": 1}`.
fn flatten_members(value: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, member) in value.as_object().into_iter().flatten() {
        match member.as_object() {
            Some(inner) => out.extend(inner.iter().map(|(key, v)| (format!("{name}.{key}"), v.clone()))),
            None => drop(out.insert(name.clone(), member.clone())),
        }
    }
    out
}

/// Loosely what a mail domain looks like.
pub(crate) fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
        })
}
