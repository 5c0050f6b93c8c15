//! A directory: each step of a test of it.

use super::Findings;
use crate::idp::connections::LdapConnection;
use crate::idp::ldap;
use crate::kernel::Kernel;

pub(super) async fn check_connection(kernel: &Kernel, connection: &LdapConnection, findings: &mut Findings) {
    for step in ldap::run_checks(kernel, &ldap::LdapPools::default(), connection).await.checks {
        let words = step.words.trim_end_matches('.');
        let text = format!("{}: {words}: {}", connection.name, step.found.unwrap_or_default());
        if step.passed { Findings::ok(&text) } else { findings.fail(&text) }
    }
}
