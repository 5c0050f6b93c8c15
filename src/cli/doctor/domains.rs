//! Checks the email domains of an account: which have an effect, and whether their records can be looked up.

use super::Findings;
use crate::cli::CliError;
use crate::directory::accounts::Account;
use crate::directory::domains::{self, Domain, DomainState, VerificationMethod};
use crate::kernel::Kernel;

pub(super) async fn check_domains(
    kernel: &Kernel,
    account: &Account,
    findings: &mut Findings,
) -> Result<(), CliError> {
    let all = domains::list(&mut *kernel.db.read().await?, &account.id, "", 1_000).await?;
    for domain in all {
        check_domain(kernel, &domain, findings).await;
    }
    Ok(())
}

async fn check_domain(kernel: &Kernel, domain: &Domain, findings: &mut Findings) {
    let name = &domain.domain;
    match domain.state {
        DomainState::Verified if domain.method() == Some(VerificationMethod::Operator) => {
            Findings::ok(&format!("{name}: verified by the operator"));
        }
        DomainState::Verified => check_record(kernel, domain, findings).await,
        DomainState::Pending => match domain.in_grace_until(kernel.clock.now()) {
            Some(until) => findings.warn(&format!(
                "{name}: not verified; it stops working on {} UTC unless it is verified",
                until.display_minute()
            )),
            None => findings.warn(&format!("{name}: not verified, so it has no effect")),
        },
        DomainState::Lost => findings.warn(&format!(
            "{name}: no longer verified, because its DNS record is missing; it has no effect"
        )),
    }
}

async fn check_record(kernel: &Kernel, domain: &Domain, findings: &mut Findings) {
    let (name, record) = (&domain.domain, domain.record_name());
    match kernel.dns.txt(&record).await {
        Ok(texts) if domain.is_proved_by(&texts) => {
            Findings::ok(&format!("{name}: verified by its DNS record"));
        }
        Ok(_) => findings.warn(&format!(
            "{name}: the TXT record at {record} is missing; the domain is lost after seven days without it"
        )),
        Err(error) => {
            findings.warn(&format!("{name}: the TXT record at {record} could not be looked up: {error}"));
        }
    }
}
