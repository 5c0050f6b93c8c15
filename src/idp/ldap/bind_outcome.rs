//! Interpreting the result of a bind.

use ldap3::LdapResult;

use super::error::Error;
use crate::signin::DirectoryAccountState;

/// The outcome of checking a password by a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BindOutcome {
    /// The password is correct.
    Success,
    /// The password is wrong, or the directory does not say more.
    InvalidCredentials,
    /// The password is correct, but the account may not sign in with it.
    AccountRestricted(DirectoryAccountState),
}

/// Reads the result of a bind. Active Directory gives the reason in the diagnostic message: `… comment:
/// AcceptSecurityContext error, data 532, v1db1`.
pub(super) fn from_result(answer: &LdapResult) -> Result<BindOutcome, Error> {
    match answer.rc {
        0 => Ok(BindOutcome::Success),
        49 => Ok(match active_directory_error_code(&answer.text) {
            Some("532") => BindOutcome::AccountRestricted(DirectoryAccountState::PasswordExpired),
            Some("533") => BindOutcome::AccountRestricted(DirectoryAccountState::Disabled),
            Some("701") => BindOutcome::AccountRestricted(DirectoryAccountState::Expired),
            Some("773") => BindOutcome::AccountRestricted(DirectoryAccountState::MustChangePassword),
            Some("530" | "531") => BindOutcome::AccountRestricted(DirectoryAccountState::LogonRestricted),
            // Active Directory reports a locked account (775) for any password, so it proves nothing.
            _ => BindOutcome::InvalidCredentials,
        }),
        // constraintViolation, inappropriateAuthentication and unwillingToPerform: the account has no
        // usable password, or is subject to constraints.
        19 | 48 | 53 => Ok(BindOutcome::InvalidCredentials),
        _ => Err(answer.clone().into()),
    }
}

fn active_directory_error_code(text: &str) -> Option<&str> {
    text.split_once("AcceptSecurityContext error, data ")?.1.split([',', ' ']).next()
}
