//! The list of settings. Each line declares one setting: its text for the API's description, its name and
//! type, its default, its kind with the limits and, if the form can contain an invalid value, the label for
//! error messages, and the name of its input on the settings page.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::changed_value::change_of;
use super::declare::declare_settings;
use super::kind::{
    KindOf, Setting, choice, domains, group, groups, minutes, number, sign_in_rules, switch, text,
};
use super::sign_in_rules::SignInRule;
use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;

/// The upper limit of the inactivity and absolute session settings, in minutes.
pub const MAX_SESSION_MINUTES: u32 = 4320;

declare_settings! {
    /// The authentication settings of an account.
    #[schema(as = Settings)]
    AuthenticationSettings,
    /// The settings to change. Settings that are missing stay unchanged. `null` clears `notify_group` and
    /// `mail_sender_name`.
    SettingsChange {
        section
        /// The password policy.
        password:
        /// The password policy.
        PasswordSettings,
        /// Changes of the password policy.
        PasswordChange {
            /// The minimum length, 1 to 128 characters.
            min_length: u32 = 10, number("Minimum length", 1, 128), input "min_length";
            /// Whether passwords must contain an uppercase letter.
            require_upper: bool = false, switch("Must contain an uppercase letter"), input "require_upper";
            /// Whether passwords must contain a lowercase letter.
            require_lower: bool = false, switch("Must contain a lowercase letter"), input "require_lower";
            /// Whether passwords must contain a digit.
            require_digit: bool = false, switch("Must contain a digit"), input "require_digit";
            /// Whether passwords must contain a symbol: a character that is neither a letter nor a digit.
            require_special: bool = false, switch("Must contain a symbol"), input "require_special";
            /// Whether common passwords, and passwords based on the user's own name or email address, are
            /// rejected.
            refuse_common: bool = true, switch("Reject common passwords"), input "refuse_common";
            /// The number of days after which a password expires, at most 3650; 0 for no expiry.
            expires_after_days: u32 = 0, number("Password expires after (days)", 0, 3650),
                input "expires_after_days";
            /// How many days before the expiry users are reminded, by email and at sign-in; less than
            /// `expires_after_days`.
            warn_before_days: u32 = 14, number("Remind before expiry (days)", 0, u32::MAX),
                input "warn_before_days";
            /// How many passwords, including the current one, cannot be reused; 0 to 24.
            history: u32 = 0, number("Password history", 0, 24), input "history";
        }

        section
        /// The account lockout after failed attempts.
        lockout:
        /// The account lockout after failed attempts.
        LockoutSettings,
        /// Changes of the account lockout.
        LockoutChange {
            /// The number of failed attempts in a row that lock a user out, 3 to 20.
            attempts: u32 = 10, number("Failed attempts before lockout", 3, 20), input "attempts";
            /// The lockout duration in minutes, 1 to 43200 (30 days).
            duration_minutes: u32 = 15, minutes("Lockout duration", 1, 43_200), input "duration";
            /// Whether a user who is locked out is notified by email.
            notify_user: bool = true, switch("Email users who are locked out"), input "notify_user";
            /// The ID of a group whose members are notified by email.
            notify_group: Option<String> = None, group("Notify this group"), input "notify_group";
        }

        section
        /// Two-factor authentication (2FA).
        two_factor:
        /// Two-factor authentication (2FA).
        TwoFactorSettings,
        /// Changes of two-factor authentication (2FA).
        TwoFactorChange {
            /// Whether two-factor authentication is required for all users.
            enforced: bool = false, switch("Require two-factor authentication for all users"), input "enforced";
            /// The IDs of groups whose members must use two-factor authentication if it is not required for
            /// all users, at most 50.
            groups: Vec<String> = Vec::new(), groups("Require it only for these groups", 50),
                input "two_factor_groups";
            /// The grace period in days, at most 90: how long users who have not set up two-factor
            /// authentication can keep using their current sessions. New sign-ins require it immediately.
            grace_days: u32 = 0, number("Grace period for signed-in users (days)", 0, 90), input "grace_days";
            /// The number of days that browsers are remembered, at most 90; 0 asks at every sign-in.
            remember_days: u32 = 0, number("Remember browsers for (days)", 0, 90), input "remember_days";
            /// Whether passwordless sign-in with a passkey is allowed. A passkey counts as two factors.
            passkey_sign_in: bool = true, switch("Allow passwordless sign-in with a passkey"), input "passkey_sign_in";

            @ set by the server:
            /// Since when two-factor authentication is required for all users or for the group that was added
            /// last. Set by the server.
            #[schema(value_type = Option<String>, format = DateTime, read_only)]
            enforced_since: Option<Timestamp> = None;
        }

        section
        /// The session limits.
        session:
        /// The session limits. A session ends at the limit that is reached first.
        SessionSettings,
        /// Changes of the session limits.
        SessionChange {
            /// The idle timeout in minutes, 30 to 4320.
            inactivity_minutes: u32 = 1440, number("Idle timeout (minutes)", 30, MAX_SESSION_MINUTES),
                input "inactivity";
            /// The maximum session length in minutes, at most 4320; 0 for no limit.
            absolute_minutes: u32 = 0, number("Maximum session length (minutes)", 0, MAX_SESSION_MINUTES),
                input "absolute";
        }

        no section {
            /// The allowed email domains, at most 500. If the list is not empty, only users with an address
            /// in these domains can sign in, whichever method they use.
            email_domains: Vec<String> = Vec::new(), domains("Allowed email domains", 500), input "domains";
            /// Which methods users may sign in with, at most 200 rules: for everyone, for the users of an
            /// email domain, and for the members of a group. Without a matching rule, every method is
            /// allowed. The administrator sign-in page is the only exception.
            sign_in_rules: Vec<SignInRule> = Vec::new(), sign_in_rules("Sign-in methods", 200), input "sign_in_rules";
            /// Whether administrators can use the administrator sign-in page, `/login/local`, when single
            /// sign-on does not work.
            local_login: bool = true, switch("Allow administrators to use the administrator sign-in page"), input "local_login";
            /// What happens to invited users who sign in through an identity provider: `invite` sends an
            /// invitation link, `notice` activates them immediately and notifies them by email, `active`
            /// activates them immediately without an email.
            sso_invitations: SsoInvitations = SsoInvitations::Invite,
                choice("Invited users who sign in through an identity provider"), input "sso_invitations";
            /// The sender name of emails; the account's name if it is not set.
            mail_sender_name: Option<String> = None, text("Sender name", 64), input "mail_sender_name";
        }
    }
}

text_enum! {
    /// What happens to invited users who sign in through an identity provider: `invite` sends an invitation
    /// link, `notice` activates them immediately and notifies them by email, `active` activates them
    /// immediately without an email.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum SsoInvitations {
        /// Send an invitation link; the users are pending until they accept or sign in.
        Invite = "invite",
        /// Activate the users immediately and notify them by email.
        Notice = "notice",
        /// Activate the users immediately, without an email.
        Active = "active",
    }
}
