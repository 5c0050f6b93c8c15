//! `vestibule doctor`: checks the configuration, certificates, addresses and clocks, and says what to do
//! about each finding.

mod domains;
mod ldap;
mod oidc;
mod saml;

use super::CliError;
use crate::apps::forward_auth;
use crate::directory::accounts::{self, Account};
use crate::idp::connections::{self, TypedConnection};
use crate::kernel::mail::Transport;
use crate::kernel::{Kernel, open_files};

/// The findings, one line each.
#[derive(Default)]
struct Findings {
    failed: usize,
    warned: usize,
}

impl Findings {
    fn ok(text: &str) {
        println!("  ok    {text}");
    }

    fn warn(&mut self, text: &str) {
        self.warned += 1;
        println!("  warn  {text}");
    }

    fn fail(&mut self, text: &str) {
        self.failed += 1;
        println!("  FAIL  {text}");
    }
}

/// Runs all checks and prints advice; fails when a finding prevents users from signing in.
pub(super) async fn run(kernel: &Kernel) -> Result<(), CliError> {
    let mut findings = Findings::default();
    println!("Server");
    check_server(kernel, &mut findings).await?;
    let all = accounts::list_all(&mut *kernel.db.read().await?).await?;
    for slug in kernel.config.outgoing.account_networks.keys() {
        if all.iter().all(|account| account.slug != *slug) {
            findings
                .warn(&format!("outgoing.account_networks.{slug}: there is no account with this short name"));
        }
    }
    for account in &all {
        check_account(kernel, account, &mut findings).await?;
    }
    let Findings { failed, warned } = findings;
    match failed {
        0 => {
            println!("\nNo problems that prevent sign-in; warnings: {warned}");
            Ok(())
        }
        _ => Err(format!("problems: {failed}, warnings: {warned}; see the lines above").into()),
    }
}

async fn check_server(kernel: &Kernel, findings: &mut Findings) -> Result<(), CliError> {
    // Opening the kernel has already checked the database and the master key.
    sqlx::query("SELECT 1").execute(&mut *kernel.db.read().await?).await?;
    Findings::ok("the database responds and the master key matches it");
    let origin = kernel.urls.origin();
    if kernel.urls.is_https() {
        Findings::ok(&format!("the public URL is {origin}"));
    } else {
        findings.warn(&format!("server.public_url {origin} is not HTTPS: sessions are sent unencrypted"));
    }
    check_limits(kernel, findings);
    warn_of_untrusted_proxies(kernel, findings).await?;
    match Transport::new(&kernel.config.mail) {
        Ok(_) if kernel.config.mail.url.is_some() => Findings::ok("mail.url is valid"),
        Ok(_) => findings.warn("mail.url is not set: emails are written to a folder and not delivered"),
        Err(error) => findings.fail(&format!("mail: {error}")),
    }
    Ok(())
}

/// The limit on open files is that of a server that is started as this command was.
fn check_limits(kernel: &Kernel, findings: &mut Findings) {
    open_files::raise_limit();
    let (limit, recommended) = (open_files::limit(), open_files::RECOMMENDED_LIMIT);
    if limit < recommended {
        findings.warn(&format!(
            "at most {limit} files can be open, which also limits connections: allow at least {recommended}, with \
             LimitNOFILE in a systemd unit"
        ));
    } else {
        Findings::ok(&format!("at least {recommended} files can be open"));
    }
    match kernel.config.metrics.listen {
        Some(address) if address.ip().is_unspecified() => findings.warn(&format!(
            "metrics.listen {address} is a wildcard address: everyone who reaches this port can read the metrics"
        )),
        Some(address) => Findings::ok(&format!("metrics are served at http://{address}/metrics")),
        None => {}
    }
}

/// How many addresses are named. Others have forwarded less, and anyone can send the headers of a proxy.
const NAMED_PROXIES: usize = 3;

async fn warn_of_untrusted_proxies(kernel: &Kernel, findings: &mut Findings) -> Result<(), CliError> {
    let now = kernel.clock.now();
    let mut found = forward_auth::untrusted_proxies(&mut *kernel.db.read().await?, now).await?;
    found.retain(|proxy| !kernel.config.server.trusts(proxy.address));
    for proxy in found.iter().take(NAMED_PROXIES) {
        let whose = if proxy.for_application { "a registered application" } else { "others" };
        findings.warn(&format!(
            "{} forwards requests of {whose} ({} lately) and is not in server.trusted_proxies: all users seem to \
             come from this address, and forward auth does not work. Add it if it is your reverse proxy; clients \
             can send the same headers",
            proxy.address, proxy.requests
        ));
    }
    let others = found.len().saturating_sub(NAMED_PROXIES);
    if others > 0 {
        findings.warn(&format!(
            "other addresses that send the headers of a reverse proxy: {others} or more. If they are not yours, \
             allow only your reverse proxy to reach the port of this server"
        ));
    }
    Ok(())
}

async fn check_account(kernel: &Kernel, account: &Account, findings: &mut Findings) -> Result<(), CliError> {
    println!("Account {}", account.slug);
    domains::check_domains(kernel, account, findings).await?;
    let enabled = connections::sign_in_connections(&mut *kernel.db.read().await?, &account.id).await?;
    if enabled.is_empty() {
        Findings::ok("no SSO connection is enabled");
    }
    for connection in enabled {
        if connection.tested_at.is_none() {
            findings
                .warn(&format!("{}: no test has succeeded since its settings were changed", connection.name));
        }
        let name = connection.name.clone();
        match connection.typed() {
            Ok(TypedConnection::Saml(connection)) => {
                saml::check_connection(kernel, &connection, findings).await?;
            }
            Ok(TypedConnection::Oidc(connection)) => {
                oidc::check_connection(kernel, &connection, findings).await;
            }
            Ok(TypedConnection::Ldap(connection)) => {
                ldap::check_connection(kernel, &connection, findings).await;
            }
            Ok(TypedConnection::Scim(_)) => {}
            Err(error) => findings.fail(&format!("{name}: the connection cannot be used: {error}")),
        }
    }
    Ok(())
}
