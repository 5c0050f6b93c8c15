//! The list of settings. Each line declares one setting: its text for the API's description, its name and
//! type, its default, its kind with the limits and, if the form can contain an invalid value, the label for
//! error messages, and the name of its input on the settings page.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::change::change_of;
use super::declare::declare_settings;
use super::kind::{KindOf, Setting, choice, domains, group, groups, minutes, number, switch, text};
use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;

/// The upper limit of the inactivity and absolute session settings, in minutes.
pub const MAX_SESSION_MINUTES: u32 = 4320;

declare_settings! {
    /// The authentication settings of an account.
    #[schema(as = Settings)]
    AuthenticationSettings,
    /// What to change; members not given stay. `null` empties `notify_group` and `mail_sender_name`.
    SettingsChange {
        section
        /// What a password must be.
        password:
        /// What a password must be.
        PasswordSettings,
        /// Rules for passwords to change.
        PasswordChange {
            /// Characters at least, 1 to 128.
            min_length: u32 = 10, number("Characters", 1, 128), input "min_length";
            /// At least one upper-case letter.
            require_upper: bool = false, switch(), input "require_upper";
            /// At least one lower-case letter.
            require_lower: bool = false, switch(), input "require_lower";
            /// At least one digit.
            require_digit: bool = false, switch(), input "require_digit";
            /// At least one character that is neither letter nor digit.
            require_special: bool = false, switch(), input "require_special";
            /// Refuse the most used passwords and those made of the person's own name or address.
            refuse_common: bool = true, switch(), input "refuse_common";
            /// Days a password is valid, at most 3650; 0 for no end.
            expires_after_days: u32 = 0, number("Days valid", 0, 3650), input "expires_after_days";
            /// Days before the end from which the person is warned; less than `expires_after_days`.
            warn_before_days: u32 = 14, number("Warn days before", 0, u32::MAX), input "warn_before_days";
            /// How many passwords, the present one included, cannot be chosen again; 0 to 24.
            history: u32 = 0, number("Passwords remembered", 0, 24), input "history";
        }

        section
        /// What wrong passwords lead to.
        lockout:
        /// What wrong passwords lead to.
        LockoutSettings,
        /// Lockout to change.
        LockoutChange {
            /// Wrong attempts in a row that lock a user, 3 to 20.
            attempts: u32 = 10, number("Wrong attempts", 3, 20), input "attempts";
            /// Minutes a user stays locked, 1 to 43200 (30 days).
            duration_minutes: u32 = 15, minutes("Lock for", 1, 43_200), input "duration";
            /// Whether the locked user is told by mail.
            notify_user: bool = true, switch(), input "notify_user";
            /// The id of a user group whose members are told by mail.
            notify_group: Option<String> = None, group("Group to tell"), input "notify_group";
        }

        section
        /// Who needs a second factor.
        two_factor:
        /// Who needs a second factor, and what goes with it.
        TwoFactorSettings,
        /// Who needs a second factor, to change.
        TwoFactorChange {
            /// Whether everybody in the account needs one.
            enforced: bool = false, switch(), input "enforced";
            /// The ids of user groups whose members need one when not everybody does, at most 50.
            groups: Vec<String> = Vec::new(), groups("Groups", 50), input "two_factor_groups";
            /// Days for which sessions of people without one go on after it was enforced, at most 90. A new sign-in
            /// asks for it at once.
            grace_days: u32 = 0, number("Days of grace", 0, 90), input "grace_days";
            /// Days for which a browser is not asked again, at most 90; 0 to ask each time.
            remember_days: u32 = 0, number("Days remembered", 0, 90), input "remember_days";
            /// Whether a passkey alone opens the door: it stands for both factors.
            passkey_sign_in: bool = true, switch(), input "passkey_sign_in";

            @ set by the server:
            /// Since when it is enforced for everybody or for the latest of the groups. Set by the server.
            #[schema(value_type = Option<String>, format = DateTime, read_only)]
            enforced_since: Option<Timestamp> = None;
        }

        section
        /// How long sessions last.
        session:
        /// How long sessions last. Whichever ends first wins.
        SessionSettings,
        /// Session limits to change.
        SessionChange {
            /// Minutes without a request, 30 to 4320.
            inactivity_minutes: u32 = 1440, number("Minutes without use", 30, MAX_SESSION_MINUTES),
                input "inactivity";
            /// Minutes since sign-in, at most 4320; 0 for no limit.
            absolute_minutes: u32 = 0, number("Minutes in any case", 0, MAX_SESSION_MINUTES), input "absolute";
        }

        no section {
            /// When not empty, only addresses in these domains may sign in, by whatever way.
            email_domains: Vec<String> = Vec::new(), domains(500), input "domains";
            /// Whether `/login/local` is open to administrators when single sign-on is broken.
            local_login: bool = true, switch(), input "local_login";
            /// What invited people get whose address signs in through an identity provider.
            sso_invitations: SsoInvitations = SsoInvitations::Invite, choice("Invited people"), input "sso_invitations";
            /// The name that mails of this account come from; the account's name when not set.
            mail_sender_name: Option<String> = None, text(64), input "mail_sender_name";
        }
    }
}

text_enum! {
    /// What invited people get whose address signs in through an identity provider.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum SsoInvitations {
        /// A mail with a link; they are pending until they follow it or sign in.
        Invite = "invite",
        /// They are active at once and get a mail that says so.
        Notice = "notice",
        /// They are active at once, without mail.
        Active = "active",
    }
}
