//! Interpreting the result of a bind.

use ldap3::LdapResult;
use ldap3::controls::{Control, RawControl};

use super::error::Error;
use crate::signin::DirectoryAccountState;

/// The password policy control: asked for in a bind, and answered with the state of the password
/// (draft-behera-ldap-password-policy-11 §6).
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// The older control of the Netscape family (389 Directory Server, Oracle): the password has expired, or, if
/// the bind succeeded, must be changed first.
const NETSCAPE_EXPIRED: &str = "2.16.840.1.113730.3.4.4";
/// Errors of the password policy (draft-behera-ldap-password-policy-11 §6.2).
const PASSWORD_EXPIRED: u8 = 0;
const CHANGE_AFTER_RESET: u8 = 2;

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

/// The control that asks for the state of the password. A directory that does not know it ignores it.
pub(super) fn policy_request() -> Vec<RawControl> {
    vec![RawControl { ctype: PASSWORD_POLICY.to_owned(), crit: false, val: None }]
}

/// Reads the result of a bind. Active Directory gives the reason in the diagnostic message: `… comment:
/// AcceptSecurityContext error, data 532, v1db1`. Other directories give it in a control.
pub(super) fn from_result(answer: &LdapResult) -> Result<BindOutcome, Error> {
    match answer.rc {
        // A one-time password of the help desk must not sign anybody in.
        0 => Ok(match policy_state(&answer.ctrls, DirectoryAccountState::MustChangePassword) {
            Some(state) => BindOutcome::AccountRestricted(state),
            None => BindOutcome::Success,
        }),
        49 => Ok(match active_directory_error_code(&answer.text) {
            Some("532") => BindOutcome::AccountRestricted(DirectoryAccountState::PasswordExpired),
            Some("533") => BindOutcome::AccountRestricted(DirectoryAccountState::Disabled),
            Some("701") => BindOutcome::AccountRestricted(DirectoryAccountState::Expired),
            Some("773") => BindOutcome::AccountRestricted(DirectoryAccountState::MustChangePassword),
            Some("530" | "531") => BindOutcome::AccountRestricted(DirectoryAccountState::LogonRestricted),
            // Active Directory reports a locked account (775) for any password, so it proves nothing.
            Some(_) => BindOutcome::InvalidCredentials,
            None => match policy_state(&answer.ctrls, DirectoryAccountState::PasswordExpired) {
                Some(state) => BindOutcome::AccountRestricted(state),
                None => BindOutcome::InvalidCredentials,
            },
        }),
        // constraintViolation, inappropriateAuthentication and unwillingToPerform: the account has no
        // usable password, or is subject to constraints.
        19 | 48 | 53 => Ok(BindOutcome::InvalidCredentials),
        _ => Err(answer.clone().into()),
    }
}

/// The state that the controls report about a correct password. `netscape` is what the older control means.
/// A locked account is reported for any password, so it is not among them.
fn policy_state(controls: &[Control], netscape: DirectoryAccountState) -> Option<DirectoryAccountState> {
    controls.iter().find_map(|Control(_, control)| match control.ctype.as_str() {
        NETSCAPE_EXPIRED => Some(netscape),
        PASSWORD_POLICY => match policy_error(control.val.as_deref()?)? {
            PASSWORD_EXPIRED => Some(DirectoryAccountState::PasswordExpired),
            CHANGE_AFTER_RESET => Some(DirectoryAccountState::MustChangePassword),
            _ => None,
        },
        _ => None,
    })
}

/// The error in a password policy response, a BER sequence of an optional warning (context tag 0) and an
/// optional error (context tag 1). It is short, so every length is one byte.
fn policy_error(value: &[u8]) -> Option<u8> {
    let [0x30, length, content @ ..] = value else { return None };
    let mut rest = content.get(..usize::from(*length))?;
    while let [tag, length, after @ ..] = rest {
        let element = after.get(..usize::from(*length))?;
        if *tag == 0x81 {
            return if let [code] = element { Some(*code) } else { None };
        }
        rest = &after[element.len()..];
    }
    None
}

fn active_directory_error_code(text: &str) -> Option<&str> {
    text.split_once("AcceptSecurityContext error, data ")?.1.split([',', ' ']).next()
}

#[cfg(test)]
#[path = "bind_outcome_tests.rs"]
mod tests;
