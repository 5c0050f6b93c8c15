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
    /// The user's id, or [`decoy`] of a name nobody has.
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

/// The key that attempts with a name nobody has are counted under: few enough to bound the table.
pub(crate) fn decoy_key(name: &str) -> String {
    format!("nobody-{}", tokens::hash(name).get(..2).unwrap_or_default())
}
