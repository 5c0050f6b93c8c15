//! What is counted.

use crate::kernel::text_enum::text_enum;
use crate::kernel::{Timestamp, tokens};

text_enum! {
    /// A kind of secret with a counter of its own.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum CredentialKind {
        /// The password.
        Password = "password",
        /// Codes of authenticator apps and recovery codes.
        Code = "code",
    }
}

/// Whose attempt it is.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// The account; empty when none is known.
    pub account_id: &'a str,
    /// The user's id, or [`decoy_key`] of an unknown name.
    pub key: &'a str,
    /// Which secret.
    pub credential_kind: CredentialKind,
}

/// What counting an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptDecision {
    /// It may be checked. `locks_until`: a wrong one locks the user until then.
    Allowed {
        /// Set for the last attempt that is allowed.
        locks_until: Option<Timestamp>,
    },
    /// The user is locked: nothing is checked.
    Locked,
}

impl AttemptDecision {
    /// Until when the user is locked if this attempt is wrong, for the last one that is allowed.
    #[must_use]
    pub const fn locks_until(self) -> Option<Timestamp> {
        match self {
            Self::Allowed { locks_until } => locks_until,
            Self::Locked => None,
        }
    }
}

/// A lock that its owner is told of.
#[derive(Debug, Clone, Copy)]
pub struct LockNotice<'a> {
    /// What was wrong so often.
    pub credential_kind: CredentialKind,
    /// When the lock ends.
    pub until: Timestamp,
    /// From where the last attempt came.
    pub address: &'a str,
}

/// The key that attempts with an unknown name are counted under: few enough to bound the table.
pub(crate) fn decoy_key(name: &str) -> String {
    format!("nobody-{}", tokens::hash(name).get(..2).unwrap_or_default())
}
