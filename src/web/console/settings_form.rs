//! The form of the settings: what is typed, as it was typed, and what it means.

use serde::Deserialize;

use crate::directory::accounts::{
    AuthenticationSettings, LockoutSettings, PasswordSettings, SessionSettings, SsoInvitations,
    TwoFactorSettings,
};
use crate::web::Error;
use crate::web::page::{non_empty, split_list};

/// Every field of the form. Check boxes that are off are absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct SettingsForm {
    pub(super) min_length: String,
    pub(super) require_upper: Option<String>,
    pub(super) require_lower: Option<String>,
    pub(super) require_digit: Option<String>,
    pub(super) require_special: Option<String>,
    pub(super) refuse_common: Option<String>,
    pub(super) expires_after_days: String,
    pub(super) warn_before_days: String,
    pub(super) history: String,
    pub(super) attempts: String,
    pub(super) duration: String,
    pub(super) duration_unit: String,
    pub(super) notify_user: Option<String>,
    pub(super) notify_group: String,
    pub(super) enforced: Option<String>,
    pub(super) two_factor_groups: String,
    pub(super) grace_days: String,
    pub(super) remember_days: String,
    pub(super) passkey_sign_in: Option<String>,
    pub(super) inactivity: String,
    pub(super) absolute: String,
    pub(super) domains: String,
    pub(super) local_login: Option<String>,
    pub(super) sso_invitations: String,
    pub(super) mail_sender_name: String,
    /// Set on the page that tells the effects.
    pub(super) confirmed: Option<String>,
    /// Back from that page to the form.
    pub(super) edit: Option<String>,
}

/// Minutes in each unit that the page offers.
const UNITS: [(&str, u32); 3] = [("minutes", 1), ("hours", 60), ("days", 24 * 60)];

impl SettingsForm {
    /// The form as it shows `settings`. `group`: the name of the group that is told of lockouts;
    /// `two_factor_groups`: the names of those who need a second factor.
    pub(super) fn of(
        settings: &AuthenticationSettings,
        group: Option<String>,
        two_factor_groups: &[String],
    ) -> Self {
        let AuthenticationSettings { password, lockout, session, two_factor, .. } = settings;
        let on = |flag: bool| flag.then(|| "on".to_owned());
        let minutes = lockout.duration_minutes;
        let fits = |(_, each): &&(&str, u32)| minutes.is_multiple_of(*each);
        let (unit, each) = UNITS.iter().rev().find(fits).copied().unwrap_or(UNITS[0]);
        Self {
            min_length: password.min_length.to_string(),
            require_upper: on(password.require_upper),
            require_lower: on(password.require_lower),
            require_digit: on(password.require_digit),
            require_special: on(password.require_special),
            refuse_common: on(password.refuse_common),
            expires_after_days: password.expires_after_days.to_string(),
            warn_before_days: password.warn_before_days.to_string(),
            history: password.history.to_string(),
            attempts: lockout.attempts.to_string(),
            duration: (minutes / each).to_string(),
            duration_unit: unit.to_owned(),
            notify_user: on(lockout.notify_user),
            notify_group: group.unwrap_or_default(),
            enforced: on(two_factor.enforced),
            two_factor_groups: two_factor_groups.join("\n"),
            grace_days: two_factor.grace_days.to_string(),
            remember_days: two_factor.remember_days.to_string(),
            passkey_sign_in: on(two_factor.passkey_sign_in),
            inactivity: session.inactivity_minutes.to_string(),
            absolute: session.absolute_minutes.to_string(),
            domains: settings.email_domains.join("\n"),
            local_login: on(settings.local_login),
            sso_invitations: settings.sso_invitations.as_str().to_owned(),
            mail_sender_name: settings.mail_sender_name.clone().unwrap_or_default(),
            confirmed: None,
            edit: None,
        }
    }

    /// What the form asks for; groups are left to the caller.
    pub(super) fn settings(&self) -> Result<AuthenticationSettings, Error> {
        let number = |field: &str, text: &str| {
            text.trim().parse::<u32>().map_err(|_| Error::invalid(field, "must be a number"))
        };
        let each = UNITS.iter().find(|(unit, _)| *unit == self.duration_unit).map_or(1, |(_, each)| *each);
        let duration = number("Lock for", &self.duration)?;
        Ok(AuthenticationSettings {
            password: PasswordSettings {
                min_length: number("Characters", &self.min_length)?,
                require_upper: self.require_upper.is_some(),
                require_lower: self.require_lower.is_some(),
                require_digit: self.require_digit.is_some(),
                require_special: self.require_special.is_some(),
                refuse_common: self.refuse_common.is_some(),
                expires_after_days: number("Days valid", &self.expires_after_days)?,
                warn_before_days: number("Warn days before", &self.warn_before_days)?,
                history: number("Passwords remembered", &self.history)?,
            },
            lockout: LockoutSettings {
                attempts: number("Wrong attempts", &self.attempts)?,
                duration_minutes: duration.saturating_mul(each),
                notify_user: self.notify_user.is_some(),
                notify_group: None,
            },
            two_factor: TwoFactorSettings {
                enforced: self.enforced.is_some(),
                groups: Vec::new(),
                grace_days: number("Days of grace", &self.grace_days)?,
                remember_days: number("Days remembered", &self.remember_days)?,
                passkey_sign_in: self.passkey_sign_in.is_some(),
                enforced_since: None,
            },
            session: SessionSettings {
                inactivity_minutes: number("Minutes without use", &self.inactivity)?,
                absolute_minutes: number("Minutes in any case", &self.absolute)?,
            },
            email_domains: split_list(&self.domains),
            local_login: self.local_login.is_some(),
            sso_invitations: SsoInvitations::parse(&self.sso_invitations).unwrap_or(SsoInvitations::Invite),
            mail_sender_name: non_empty(&self.mail_sender_name),
        })
    }

    /// The fields as hidden inputs carry them through the page that tells the effects.
    pub(super) fn hidden_fields(&self) -> Vec<(&'static str, String)> {
        let texts = [
            ("min_length", &self.min_length),
            ("expires_after_days", &self.expires_after_days),
            ("warn_before_days", &self.warn_before_days),
            ("history", &self.history),
            ("attempts", &self.attempts),
            ("duration", &self.duration),
            ("duration_unit", &self.duration_unit),
            ("notify_group", &self.notify_group),
            ("two_factor_groups", &self.two_factor_groups),
            ("grace_days", &self.grace_days),
            ("remember_days", &self.remember_days),
            ("inactivity", &self.inactivity),
            ("absolute", &self.absolute),
            ("domains", &self.domains),
            ("sso_invitations", &self.sso_invitations),
            ("mail_sender_name", &self.mail_sender_name),
        ];
        let switches = [
            ("require_upper", &self.require_upper),
            ("require_lower", &self.require_lower),
            ("require_digit", &self.require_digit),
            ("require_special", &self.require_special),
            ("refuse_common", &self.refuse_common),
            ("notify_user", &self.notify_user),
            ("enforced", &self.enforced),
            ("passkey_sign_in", &self.passkey_sign_in),
            ("local_login", &self.local_login),
        ];
        let on = switches.into_iter().filter(|(_, on)| on.is_some()).map(|(name, _)| (name, "on".to_owned()));
        texts.into_iter().map(|(name, text)| (name, text.clone())).chain(on).collect()
    }
}
