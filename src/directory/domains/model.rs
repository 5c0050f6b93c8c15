//! A domain of an account.

use std::fmt::Write as _;
use std::time::Duration;

use sqlx::FromRow;

use super::name::DomainName;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, TextEnum as _, Timestamp, Tx, random};

/// How often the record of a verified domain is looked up.
pub(super) const CHECK_EVERY: Duration = Duration::from_hours(24);
/// How soon a lookup is repeated that got no answer.
pub const RETRY_AFTER: Duration = Duration::from_hours(1);
/// How long the record of a verified domain may be missing.
pub(super) const LOST_AFTER: Duration = Duration::from_hours(7 * 24);
/// When the administrators are told for the last time that the record is missing.
pub(super) const WARN_AFTER: Duration = Duration::from_hours(6 * 24);
/// How long a domain that a connection listed before domains had to be verified counts without a proof.
pub const GRACE: Duration = Duration::from_hours(30 * 24);

text_enum! {
    /// How far the proof of a domain has come.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DomainState {
        /// Claimed, not proved.
        Pending = "pending" => "Pending",
        /// Proved; no other account of the server can have it.
        Verified = "verified" => "Verified",
        /// Was proved, and its record has been missing for too long.
        Lost = "lost" => "Lost",
    }
}

text_enum! {
    /// What proved a domain.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum VerificationMethod {
        /// The TXT record, which is checked every day.
        Dns = "dns" => "DNS",
        /// The word of the operator of the server.
        Operator = "operator" => "Operator",
    }
}

/// A domain that an account claims.
#[derive(Debug, Clone, FromRow)]
pub struct Domain {
    /// Its id.
    pub id: String,
    /// Its account.
    pub account_id: AccountId,
    /// The name in lowercase ASCII.
    pub domain: String,
    /// How far its proof has come.
    #[sqlx(try_from = "String")]
    pub state: DomainState,
    #[sqlx(rename = "method")]
    pub(super) stored_method: Option<String>,
    /// What the TXT record has to contain.
    pub record_value: String,
    /// When it was verified last.
    pub verified_at: Option<Timestamp>,
    /// When its record was looked up last.
    pub checked_at: Option<Timestamp>,
    /// Since when the record of the verified domain has been missing.
    pub failing_since: Option<Timestamp>,
    /// Why the last check failed.
    pub last_error: Option<String>,
    /// When the next check is due.
    pub next_check_at: Option<Timestamp>,
    /// Until when it counts without a proof, because a connection listed it before domains had to be verified.
    pub grace_until: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

impl Domain {
    /// A domain that was just claimed.
    pub(super) fn pending(tx: &Tx, account_id: &AccountId, domain: &str) -> Self {
        // Hexadecimal, because some forms of DNS providers take offence at other characters.
        let random = random::bytes::<20>().iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self {
            id: tx.new_id(),
            account_id: account_id.to_owned(),
            domain: domain.to_owned(),
            state: DomainState::Pending,
            stored_method: None,
            record_value: format!("vestibule-domain-verification={random}"),
            verified_at: None,
            checked_at: None,
            failing_since: None,
            last_error: None,
            next_check_at: None,
            grace_until: None,
            created_at: tx.now(),
        }
    }

    /// What proved it. `None` as well for a method that a newer version has stored.
    #[must_use]
    pub fn method(&self) -> Option<VerificationMethod> {
        self.stored_method.as_deref().and_then(VerificationMethod::parse)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> DomainName {
        DomainName::stored(&self.domain)
    }

    /// The name of its TXT record.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("_vestibule.{}", self.domain)
    }

    /// Whether one of these TXT records proves it.
    #[must_use]
    pub fn is_proved_by(&self, texts: &[String]) -> bool {
        texts.iter().any(|text| text.trim() == self.record_value)
    }

    /// Whether it is verified.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.state == DomainState::Verified
    }

    /// The end of the time in which it counts without a proof, if it does.
    #[must_use]
    pub fn in_grace_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.grace_until.filter(|until| self.state == DomainState::Pending && *until > now)
    }

    /// When it will be lost unless its record returns.
    #[must_use]
    pub fn lost_at(&self) -> Option<Timestamp> {
        self.failing_since.filter(|_| self.is_verified()).map(|since| since.plus(LOST_AFTER))
    }
}
