//! Mails to the administrators of an account whose domain is about to be lost.

use crate::directory::accounts::Account;
use crate::directory::domains::{Domain, DomainNotice};
use crate::kernel::mail::EmailMessage;
use crate::kernel::{Kernel, Timestamp};

/// What the loss of a domain means.
const CONSEQUENCES: &str = "users with this domain are no longer sent to their identity provider, and connections can \
                            no longer create or link users with it. Users who are already linked can still sign in.";

/// The mail for a notice.
pub(super) fn email(
    kernel: &Kernel,
    account: &Account,
    domain: &Domain,
    notice: DomainNotice,
) -> EmailMessage {
    let (name, account) = (&domain.domain, &account.name);
    let deadline = domain.lost_at().map(Timestamp::display_minute).unwrap_or_default();
    let (subject, text) = match notice {
        DomainNotice::RecordMissing => (
            format!("The DNS record for {name} is missing"),
            format!(
                "The TXT record that verifies the domain {name} of {account} was not found. If it is not restored by \
                 {deadline} UTC, the domain is no longer verified. Then {CONSEQUENCES}"
            ),
        ),
        DomainNotice::LastWarning => (
            format!("The domain {name} is about to lose its verification"),
            format!(
                "The TXT record that verifies the domain {name} of {account} is still missing. If it is not restored \
                 by {deadline} UTC, the domain is no longer verified. Then {CONSEQUENCES}"
            ),
        ),
        DomainNotice::Lost => (
            format!("The domain {name} is no longer verified"),
            format!(
                "The TXT record that verifies the domain {name} of {account} has been missing for seven days, so the \
                 domain is no longer verified. From now on, {CONSEQUENCES} To verify the domain again, restore the \
                 record and choose Verify now."
            ),
        ),
    };
    EmailMessage {
        subject,
        paragraphs: vec![text],
        action: Some((
            "Open the domain".into(),
            kernel.urls.absolute(&format!("/console/domains/{}", domain.id)),
        )),
        notes: vec![format!(
            "The record: type TXT, name {}, value {}",
            domain.record_name(),
            domain.record_value
        )],
    }
}
