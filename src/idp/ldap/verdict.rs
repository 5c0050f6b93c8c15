//! What a directory says to a password.

use ldap3::LdapResult;

use super::error::Error;
use crate::signin::flow::AtProvider;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is right.
    Right,
    /// It is wrong, or the directory would not say more.
    Wrong,
    /// It is right, and its owner may not come in with it.
    Not(AtProvider),
}

/// Reads the answer to a bind. Active Directory says more in its text: `… comment: AcceptSecurityContext error, data
/// 532, v1db1`.
pub(super) fn of(answer: &LdapResult) -> Result<Verdict, Error> {
    match answer.rc {
        0 => Ok(Verdict::Right),
        49 => Ok(match detail(&answer.text) {
            Some("532") => Verdict::Not(AtProvider::PasswordExpired),
            Some("533") => Verdict::Not(AtProvider::Disabled),
            Some("701") => Verdict::Not(AtProvider::Expired),
            Some("773") => Verdict::Not(AtProvider::MustChangePassword),
            Some("530" | "531") => Verdict::Not(AtProvider::NotNow),
            // That an account is locked (775) is said to any password, so it proves nothing.
            _ => Verdict::Wrong,
        }),
        // Without a password, with one that was taken away, or constraints on the account.
        19 | 48 | 53 => Ok(Verdict::Wrong),
        _ => Err(answer.clone().into()),
    }
}

fn detail(text: &str) -> Option<&str> {
    text.split_once("AcceptSecurityContext error, data ")?.1.split([',', ' ']).next()
}
