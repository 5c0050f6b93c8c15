//! Checks a SAML connection: its certificates, its metadata and the clock skew.

use url::Url;

use super::Findings;
use crate::cli::CliError;
use crate::idp::connections::SamlConnection;
use crate::idp::saml::{self, metadata_refresh, read_metadata};
use crate::kernel::{Kernel, Timestamp};

/// A clock skew above this, in milliseconds, makes sign-ins fail.
const SKEW_MS: i64 = 60_000;
/// The limit on the size of metadata, in bytes.
const MAX_BYTES: usize = 512 * 1024;

pub(super) async fn check_connection(
    kernel: &Kernel,
    connection: &SamlConnection,
    findings: &mut Findings,
) -> Result<(), CliError> {
    check_certificates(connection, kernel.clock.now(), findings);
    check_metadata(kernel, connection, findings).await;
    let watch = saml::metadata_status_of(&mut *kernel.db.read().await?, &connection.id).await?;
    if let Some(since) = watch.and_then(|watch| watch.failing_since) {
        let since = since.display_minute();
        findings.warn(&format!("{}: the metadata refresh has failed since {since} UTC", connection.name));
    }
    Ok(())
}

fn check_certificates(connection: &SamlConnection, now: Timestamp, findings: &mut Findings) {
    let name = &connection.name;
    match metadata_refresh::last_expiring_certificate(&connection.settings) {
        None => findings.fail(&format!("{name}: it has no certificate to verify signatures")),
        Some(last) => {
            let not_after = Timestamp::from(last.not_after);
            let end = not_after.display_minute();
            if not_after <= now {
                findings.warn(&format!("{name}: its last certificate expired on {end} UTC"));
            } else if not_after <= now.plus(metadata_refresh::WARN_BEFORE) {
                findings.warn(&format!("{name}: its last certificate expires on {end} UTC"));
            } else {
                Findings::ok(&format!("{name}: its certificate is valid until {end} UTC"));
            }
        }
    }
}

/// Reads the metadata where it is, and compares clocks by the answer.
async fn check_metadata(kernel: &Kernel, connection: &SamlConnection, findings: &mut Findings) {
    let (name, settings) = (&connection.name, &connection.settings);
    let Some(Ok(url)) = settings.metadata_url.as_deref().map(Url::parse) else {
        findings.warn(&format!(
            "{name}: the metadata was uploaded manually, so new certificates are not picked up"
        ));
        return;
    };
    let fresh = match connection.http_client(kernel).get_if_changed(&url, MAX_BYTES, None).await {
        Ok(Some(fresh)) => fresh,
        Ok(None) => return,
        Err(error) => return findings.fail(&format!("{name}: {url}: {}", error.cause())),
    };
    let now = kernel.clock.now();
    match read_metadata(&fresh.text, settings.metadata_certificate.as_deref(), now) {
        Err(error) => findings.fail(&format!("{name}: its metadata cannot be used: {error}")),
        Ok(metadata) if metadata.entity_id != settings.idp_entity_id => {
            findings.fail(&format!("{name}: the entity ID in the metadata is now {}", metadata.entity_id));
        }
        Ok(_) => Findings::ok(&format!("{name}: the metadata can be read from its URL")),
    }
    if let Some(provider_time) = fresh.date {
        let apart = (provider_time.0 - now.0).abs();
        if apart > SKEW_MS {
            let seconds = apart / 1000;
            findings.fail(&format!(
                "{name}: its clock and this one are {seconds} seconds apart; \
                 synchronize the server's clock with NTP"
            ));
        }
    }
}
