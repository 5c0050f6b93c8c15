//! `vestibule doctor`

use url::Url;

use super::Failure;
use crate::directory::accounts::{self, Account};
use crate::idp::connections::{self, Connection, SamlSettings};
use crate::idp::saml::{self, read_metadata, refresh};
use crate::kernel::mail::Transport;
use crate::kernel::{Kernel, Timestamp};

/// Clocks that are further apart make sign-ins fail.
const SKEW_MS: i64 = 60_000;
/// The size of metadata that is read.
const MAX_BYTES: usize = 512 * 1024;

/// What was looked at, line by line.
#[derive(Default)]
struct Findings {
    failed: usize,
    warned: usize,
}

impl Findings {
    fn good(text: &str) {
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

/// Looks at everything and says what to do; fails when something keeps people out.
pub(super) async fn run(kernel: &Kernel) -> Result<(), Failure> {
    let mut findings = Findings::default();
    println!("Server");
    server(kernel, &mut findings).await?;
    let all = accounts::all(&mut *kernel.db.read().await?).await?;
    for account in &all {
        check_account(kernel, account, &mut findings).await?;
    }
    let Findings { failed, warned } = findings;
    match failed {
        0 => {
            println!("\n{warned} warnings, nothing that keeps people out.");
            Ok(())
        }
        _ => Err(format!("{failed} problems and {warned} warnings; see the lines above").into()),
    }
}

async fn server(kernel: &Kernel, findings: &mut Findings) -> Result<(), Failure> {
    // The database and the master key were opened to get here.
    sqlx::query("SELECT 1").execute(&mut *kernel.db.read().await?).await?;
    Findings::good("the database answers and the master key fits it");
    let origin = kernel.urls.origin();
    if kernel.urls.is_https() {
        Findings::good(&format!("people reach it at {origin}"));
    } else {
        findings.warn(&format!("server.public_url {origin} is not https: sessions can be read on the way"));
    }
    match Transport::new(&kernel.config.mail) {
        Ok(_) if kernel.config.mail.url.is_some() => Findings::good("mail.url can be used"),
        Ok(_) => findings.warn("mail.url is not set: mails are written into a folder and reach nobody"),
        Err(error) => findings.fail(&format!("mail: {error}")),
    }
    Ok(())
}

async fn check_account(kernel: &Kernel, account: &Account, findings: &mut Findings) -> Result<(), Failure> {
    println!("Account {}", account.slug);
    let mut c = kernel.db.read().await?;
    let enabled = connections::doors(&mut c, &account.id).await?;
    drop(c);
    if enabled.is_empty() {
        Findings::good("no SAML connection is on");
    }
    for connection in enabled {
        let Some(settings) = connection.saml() else { continue };
        certificates(&connection, &settings, kernel.clock.now(), findings);
        if connection.tested_at.is_none() {
            findings
                .warn(&format!("{}: no test has succeeded since its settings were changed", connection.name));
        }
        reach(kernel, &connection, &settings, findings).await;
        let mut c = kernel.db.read().await?;
        let watch = saml::watch_of(&mut c, &connection.id).await?;
        if let Some(since) = watch.and_then(|watch| watch.failing_since) {
            let since = since.display_minute();
            findings.warn(&format!("{}: its metadata could not be read since {since} UTC", connection.name));
        }
    }
    Ok(())
}

fn certificates(connection: &Connection, settings: &SamlSettings, now: Timestamp, findings: &mut Findings) {
    let name = &connection.name;
    match refresh::last_to_end(settings) {
        None => findings.fail(&format!("{name}: it has no certificate that can be verified with")),
        Some(last) => {
            let end = last.not_after.display_minute();
            if last.not_after <= now {
                findings.warn(&format!("{name}: its last certificate ended on {end} UTC"));
            } else if last.not_after <= now.plus(refresh::WARN_BEFORE) {
                findings.warn(&format!("{name}: its last certificate ends on {end} UTC"));
            } else {
                Findings::good(&format!("{name}: its certificate is good until {end} UTC"));
            }
        }
    }
}

/// Reads the metadata where it is, and compares clocks by the answer.
async fn reach(kernel: &Kernel, connection: &Connection, settings: &SamlSettings, findings: &mut Findings) {
    let name = &connection.name;
    let Some(Ok(url)) = settings.metadata_url.as_deref().map(Url::parse) else {
        findings.warn(&format!(
            "{name}: metadata was brought by hand, so a new certificate does not follow by itself"
        ));
        return;
    };
    let fresh = match kernel.outgoing.get_if_changed(&url, MAX_BYTES, None).await {
        Ok(Some(fresh)) => fresh,
        Ok(None) => return,
        Err(error) => return findings.fail(&format!("{name}: {url}: {error}")),
    };
    let now = kernel.clock.now();
    match read_metadata(&fresh.text, settings.metadata_certificate.as_deref(), now) {
        Err(error) => findings.fail(&format!("{name}: its metadata cannot be used: {error}")),
        Ok(metadata) if metadata.entity_id != settings.idp_entity_id => {
            findings.fail(&format!("{name}: its metadata is another provider's now: {}", metadata.entity_id));
        }
        Ok(_) => Findings::good(&format!("{name}: its metadata is where it should be")),
    }
    if let Some(there) = fresh.date {
        let apart = (there.0 - now.0).abs();
        if apart > SKEW_MS {
            let seconds = apart / 1000;
            findings.fail(&format!(
                "{name}: its clock and this one are {seconds} seconds apart; set this one by NTP"
            ));
        }
    }
}
