//! What proves a domain, and what ends the proof.

use serde_json::json;

use super::model::{
    CHECK_EVERY, Domain, DomainState, LOST_AFTER, RETRY_AFTER, VerificationMethod, WARN_AFTER,
};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts};
use crate::kernel::database::{DbConn, is_duplicate};
use crate::kernel::{Timestamp, Tx};

/// Whose it is stays with the operator of the server.
const TAKEN: &str = "This domain is verified by another account on this server, and only one account can have it. If it \
                     belongs to your organization, ask the operator of the server.";

/// What a lookup of the record has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckFinding {
    /// The record is there.
    Present,
    /// The DNS answered, and the record is not there. The text says what is.
    Missing(String),
    /// The DNS gave no answer, which proves nothing either way.
    Unanswered(String),
}

/// What administrators have to be told after a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainNotice {
    /// The record is missing for the first time.
    RecordMissing,
    /// The domain will be lost within a day.
    LastWarning,
    /// The domain is lost.
    Lost,
}

/// A domain after a check.
#[derive(Debug)]
pub struct CheckedDomain {
    /// The domain as it is stored now.
    pub domain: Domain,
    /// What administrators have to be told.
    pub notice: Option<DomainNotice>,
}

/// Stores what a lookup of the domain's record has shown, whether an administrator asked for it or it was due.
pub async fn record_check(
    tx: &mut Tx,
    context: &Context,
    id: &str,
    finding: CheckFinding,
) -> Result<CheckedDomain, Error> {
    let mut domain = lock(tx, context, id).await?;
    let now = tx.now();
    match finding {
        CheckFinding::Present => {
            let is_news = !domain.is_verified() || domain.failing_since.is_some();
            domain.checked_at = Some(now);
            domain.next_check_at = Some(now.plus(CHECK_EVERY));
            let domain = confirm(tx, context, domain, VerificationMethod::Dns, is_news).await?;
            Ok(CheckedDomain { domain, notice: None })
        }
        CheckFinding::Missing(reason) => record_missing(tx, context, domain, reason).await,
        CheckFinding::Unanswered(reason) => {
            domain.last_error = Some(reason);
            domain.next_check_at = domain.next_check_at.map(|_| now.plus(RETRY_AFTER));
            store::overwrite(tx, &domain).await?;
            Ok(CheckedDomain { domain, notice: None })
        }
    }
}

async fn record_missing(
    tx: &mut Tx,
    context: &Context,
    mut domain: Domain,
    reason: String,
) -> Result<CheckedDomain, Error> {
    let now = tx.now();
    let before = domain.checked_at.replace(now);
    let notice = if domain.is_verified() {
        let is_first = domain.failing_since.is_none();
        let since = *domain.failing_since.get_or_insert(now);
        let (warn_at, lost_at) = (since.plus(WARN_AFTER), since.plus(LOST_AFTER));
        if now >= lost_at {
            domain.state = DomainState::Lost;
            domain.next_check_at = None;
            Some(DomainNotice::Lost)
        } else {
            domain.next_check_at = Some(next_check(now, warn_at, lost_at));
            let warns = now >= warn_at && before.is_none_or(|before| before < warn_at);
            if is_first {
                Some(DomainNotice::RecordMissing)
            } else {
                warns.then_some(DomainNotice::LastWarning)
            }
        }
    } else {
        None
    };
    domain.last_error = Some(reason.clone());
    store::overwrite(tx, &domain).await?;
    let detail = json!({"failing_since": domain.failing_since});
    if notice == Some(DomainNotice::Lost) {
        let event = Event::new(Action::DomainLose, "domain", &domain.id, &domain.domain).detail(detail);
        audit::record(tx, context, Event { reason: Some(&reason), ..event }).await?;
    } else if notice == Some(DomainNotice::RecordMissing) || !domain.is_verified() {
        let event = Event::new(Action::DomainVerify, "domain", &domain.id, &domain.domain).detail(detail);
        audit::record(tx, context, event.refused(&reason)).await?;
    }
    Ok(CheckedDomain { domain, notice })
}

/// The next check of a record that is missing: in a day, but at the times at which the check has consequences.
fn next_check(now: Timestamp, warn_at: Timestamp, lost_at: Timestamp) -> Timestamp {
    let times = [now.plus(CHECK_EVERY), warn_at, lost_at];
    times.into_iter().filter(|time| *time > now).min().unwrap_or(lost_at)
}

/// Verifies a domain by the word of the operator of the server.
pub async fn verify_by_operator(tx: &mut Tx, context: &Context, id: &str) -> Result<Domain, Error> {
    let domain = lock(tx, context, id).await?;
    confirm_by_word(tx, context, domain).await
}

/// Verifies a domain by the word of an administrator, which counts in the first account of the server only: its
/// administrators set the server up, and who runs the host could change the database as well.
pub async fn verify_by_administrator(tx: &mut Tx, context: &Context, id: &str) -> Result<Domain, Error> {
    let domain = lock(tx, context, id).await?;
    if !accounts::is_first(tx, &context.account_id).await? {
        return Err(Error::Forbidden(
            "Only the first account of a server can verify a domain without a DNS record. Add the TXT record, or ask \
             the operator of the server to run: vestibule domain verify.",
        ));
    }
    confirm_by_word(tx, context, domain).await
}

/// The domain as it is now, in an account that is locked until the transaction ends.
async fn lock(tx: &mut Tx, context: &Context, id: &str) -> Result<Domain, Error> {
    accounts::lock(tx, &context.account_id).await?;
    store::by_id(tx, &context.account_id, id).await?.ok_or(Error::NotFound("domain"))
}

async fn confirm_by_word(tx: &mut Tx, context: &Context, mut domain: Domain) -> Result<Domain, Error> {
    let is_news = !domain.is_verified() || domain.method() != Some(VerificationMethod::Operator);
    domain.next_check_at = None;
    confirm(tx, context, domain, VerificationMethod::Operator, is_news).await
}

/// Refuses a domain that another account has verified.
pub async fn ensure_not_taken(c: &mut DbConn, domain: &Domain) -> Result<(), Error> {
    let owner = store::account_of(c, &domain.domain).await?;
    if owner.is_some_and(|owner| owner != domain.account_id) { Err(Error::Forbidden(TAKEN)) } else { Ok(()) }
}

/// Makes the domain the account's own, unless it is another account's.
async fn confirm(
    tx: &mut Tx,
    context: &Context,
    mut domain: Domain,
    method: VerificationMethod,
    is_news: bool,
) -> Result<Domain, Error> {
    ensure_not_taken(tx, &domain).await?;
    if !domain.is_verified() {
        domain.verified_at = Some(tx.now());
    }
    domain.state = DomainState::Verified;
    domain.stored_method = Some(method.as_str().to_owned());
    (domain.failing_since, domain.last_error, domain.grace_until) = (None, None, None);
    // Two accounts may prove it at the same time; the unique index lets one of them.
    store::overwrite(tx, &domain)
        .await
        .map_err(|error| if is_duplicate(&error) { Error::Forbidden(TAKEN) } else { error.into() })?;
    if is_news {
        let event = Event::new(Action::DomainVerify, "domain", &domain.id, &domain.domain);
        audit::record(tx, context, event.detail(json!({"method": method.as_str()}))).await?;
    }
    Ok(domain)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
