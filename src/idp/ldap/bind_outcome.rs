//! What a directory says to a password.

use ldap3::LdapResult;

use super::error::Error;
use crate::signin::DirectoryAccountState;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BindOutcome {
    /// It is right.
    Success,
    /// It is wrong, or the directory would not say more.
    InvalidCredentials,
    /// It is right, and its owner may not come in with it.
    AccountRestricted(DirectoryAccountState),
}

/// Reads the answer to a bind. Active Directory says more in its text: `… comment: AcceptSecurityContext error, data
/// 532, v1db1`.
pub(super) fn from_result(answer: &LdapResult) -> Result<BindOutcome, Error> {
    match answer.rc {
        0 => Ok(BindOutcome::Success),
        49 => Ok(match active_directory_error_code(&answer.text) {
            Some("532") => BindOutcome::AccountRestricted(DirectoryAccountState::PasswordExpired),
            Some("533") => BindOutcome::AccountRestricted(DirectoryAccountState::Disabled),
            Some("701") => BindOutcome::AccountRestricted(DirectoryAccountState::Expired),
            Some("773") => BindOutcome::AccountRestricted(DirectoryAccountState::MustChangePassword),
            Some("530" | "531") => BindOutcome::AccountRestricted(DirectoryAccountState::LogonRestricted),
            // That an account is locked (775) is said to any password, so it proves nothing.
            _ => BindOutcome::InvalidCredentials,
        }),
        // Without a password, with one that was taken away, or constraints on the account.
        19 | 48 | 53 => Ok(BindOutcome::InvalidCredentials),
        _ => Err(answer.clone().into()),
    }
}

fn active_directory_error_code(text: &str) -> Option<&str> {
    text.split_once("AcceptSecurityContext error, data ")?.1.split([',', ' ']).next()
}
