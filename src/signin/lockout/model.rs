//! The data of the lockout.

use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, Timestamp, tokens};

text_enum! {
    /// A kind of credential with its own counter.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum CredentialKind {
        /// The password.
        Password = "password",
        /// Codes of authenticator apps and recovery codes.
        Code = "code",
    }
}

/// An attempt to be counted.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The account; empty when it is unknown.
    pub account_id: &'a AccountId,
    /// The user's id, or [`decoy_key`] of an unknown name.
    pub key: &'a str,
    /// The kind of credential.
    pub credential_kind: CredentialKind,
}

/// The decision about an attempt that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptDecision {
    /// The attempt may be checked.
    Allowed {
        /// When the user's lock ends if the attempt is wrong; set for the last allowed attempt.
        locks_until: Option<Timestamp>,
    },
    /// The user is locked, and nothing is checked.
    Locked,
}

impl AttemptDecision {
    /// When the user's lock ends if this attempt is wrong; set for the last allowed attempt only.
    #[must_use]
    pub const fn locks_until(self) -> Option<Timestamp> {
        match self {
            Self::Allowed { locks_until } => locks_until,
            Self::Locked => None,
        }
    }
}

/// A lock that is reported to its user.
#[derive(Debug, Clone, Copy)]
pub struct LockNotice<'a> {
    /// The kind of credential that failed.
    pub credential_kind: CredentialKind,
    /// When the lock ends.
    pub until: Timestamp,
    /// The client address of the last attempt.
    pub address: &'a str,
}

/// The key under which attempts with an unknown name are counted. There are 4,096 of them (two Base64
/// characters), which bounds the table.
pub(crate) fn decoy_key(name: &str) -> String {
    format!("nobody-{}", tokens::hash(name).get(..2).unwrap_or_default())
}
