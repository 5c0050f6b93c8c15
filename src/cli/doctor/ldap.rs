//! Checks an LDAP connection by running each step of its connection test.

use super::Findings;
use crate::idp::connections::LdapConnection;
use crate::idp::ldap;
use crate::kernel::Kernel;

pub(super) async fn check_connection(kernel: &Kernel, connection: &LdapConnection, findings: &mut Findings) {
    let pools = ldap::LdapPools::default();
    if let Err(error) = ldap::reach(kernel, &pools, connection).await
        && error.is_unreachable()
    {
        return findings.fail(&format!("{}: {}", connection.name, error.cause()));
    }
    for step in ldap::run_checks(kernel, &pools, connection).await.checks {
        let words = step.words.trim_end_matches('.');
        let text = format!("{}: {words}: {}", connection.name, step.found.unwrap_or_default());
        if step.passed { Findings::ok(&text) } else { findings.fail(&text) }
    }
}
