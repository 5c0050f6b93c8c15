//! The lookup of a domain's record: when an administrator asks for it, and every day.

use super::emails;
use crate::admin::Error;
use crate::audit::Context;
use crate::directory::accounts;
use crate::directory::domains::{self, CheckFinding, Domain, RETRY_AFTER};
use crate::kernel::Kernel;
use crate::signin::notifications;

/// Looks up the record that proves a domain.
pub(super) async fn look_up_record(kernel: &Kernel, domain: &Domain) -> CheckFinding {
    let name = domain.record_name();
    match kernel.dns.txt(&name).await {
        Ok(texts) if domain.is_proved_by(&texts) => CheckFinding::Present,
        Ok(texts) if texts.is_empty() => CheckFinding::Missing(format!(
            "No TXT record exists at {name}. A new record can take some hours until it is visible everywhere."
        )),
        Ok(_) => CheckFinding::Missing(format!(
            "The TXT record at {name} has another value. Replace it with the value shown here, or add a second TXT \
             record."
        )),
        Err(error) => {
            // The servers are the operator's, so the cause is for the operator only.
            tracing::warn!(domain = domain.domain, %error, "the record of a domain could not be looked up");
            CheckFinding::Unanswered(format!(
                "The DNS gave no answer for {name}, so the record could not be checked. Try again later."
            ))
        }
    }
}

/// Stores what a lookup has shown, and tells the administrators what they have to know.
pub(super) async fn store_finding(
    kernel: &Kernel,
    context: &Context,
    domain: &Domain,
    finding: CheckFinding,
) -> Result<Domain, Error> {
    let mut tx = kernel.db.begin().await?;
    let checked = domains::record_check(&mut tx, context, &domain.id, finding).await?;
    if let Some(notice) = checked.notice
        && let Some(account) = accounts::by_id(&mut tx, &context.account_id).await?
    {
        let letter = emails::email(kernel, &account, &checked.domain, notice);
        notifications::notify_admins(kernel, &mut tx, &account, &letter).await?;
    }
    tx.commit().await?;
    Ok(checked.domain)
}

/// Checks the verified domain that has been due for longest, of any account. Returns false if none is due.
pub async fn check_next_due(kernel: &Kernel) -> Result<bool, Error> {
    let now = kernel.clock.now();
    let due = domains::due(&mut *kernel.db.read().await?, now).await?;
    let Some(domain) = due else { return Ok(false) };
    let mut tx = kernel.db.begin().await?;
    let is_ours = domains::take_check(&mut tx, &domain, now.plus(RETRY_AFTER)).await?;
    tx.commit().await?;
    if is_ours {
        let finding = look_up_record(kernel, &domain).await;
        store_finding(kernel, &Context::system(&domain.account_id), &domain, finding).await?;
    }
    Ok(true)
}
