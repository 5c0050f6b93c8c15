//! What an entry of a directory says about whether its person may come in.

use std::collections::BTreeSet;

use crate::idp::ldap::model::LdapEntry;
use crate::kernel::Timestamp;
use crate::kernel::text_enum::text_enum;

text_enum! {
    /// Why a user has left.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum LeaverReason {
        /// No user query finds their entry.
        Missing = "missing" => "missing in the directory",
        /// Their account is disabled (`userAccountControl`, `nsAccountLock`).
        Disabled = "disabled" => "disabled in the directory",
        /// Their account is locked for good (`pwdAccountLockedTime`).
        Locked = "locked" => "locked in the directory",
        /// Their account has expired (`shadowExpire`).
        Expired = "expired" => "expired in the directory",
    }
}

/// What a user query says of one entry.
pub(super) struct EntryState {
    /// The [`name_key`](super::member_index::name_key) of its stable id.
    pub(super) key: u128,
    /// Why the person may not come in, if so.
    pub(super) reason: Option<LeaverReason>,
    /// The position of the query.
    pub(super) query: usize,
}

/// How the directory answered a user query.
#[derive(Default)]
pub(super) struct QueryAnswer {
    /// The number of entries with a stable id.
    pub(super) found: i64,
    /// The subtrees on other servers that were not searched.
    pub(super) skipped: BTreeSet<String>,
    /// Why the directory ended the answer early, if it did.
    pub(super) refusal: Option<String>,
}

/// A part of what the user queries return.
pub(super) enum StateBatch {
    Entries(Vec<EntryState>),
    /// The answer to a query is complete. The queries are answered in their order.
    Answered(QueryAnswer),
}

/// `ADS_UF_ACCOUNTDISABLE` (MS-ADTS §2.2.16).
const ACCOUNT_DISABLED: u32 = 2;
/// Locked until an administrator unlocks it (draft-behera-ldap-password-policy §5.3.3). Any other time is that of a
/// lockout that ends by itself.
const LOCKED_FOR_GOOD: &str = "000001010000Z";
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Why the person of this entry may not come in at `now`, if so.
pub(super) fn reason_to_leave(entry: &LdapEntry, now: Timestamp) -> Option<LeaverReason> {
    let flags = entry.first("userAccountControl").and_then(|text| text.parse::<u32>().ok());
    if flags.is_some_and(|flags| flags & ACCOUNT_DISABLED != 0)
        || entry.first("nsAccountLock").is_some_and(|text| text.eq_ignore_ascii_case("true"))
    {
        return Some(LeaverReason::Disabled);
    }
    if entry.first("pwdAccountLockedTime") == Some(LOCKED_FOR_GOOD) {
        return Some(LeaverReason::Locked);
    }
    // The first day on which the account may not be used, in days since 1970; -1 and 0 stand for never (shadow(5)).
    let expires = entry.first("shadowExpire").and_then(|text| text.parse::<i64>().ok());
    if expires.is_some_and(|day| day > 0 && day.saturating_mul(DAY) <= now.0) {
        return Some(LeaverReason::Expired);
    }
    None
}
