//! Refreshing the metadata of identity providers, so that changes of certificates and endpoints are
//! followed automatically, and warning administrators of certificates that expire.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use url::Url;
use vestibule_saml::{Certificate, MAX_METADATA_BYTES, read_metadata};

use super::metadata_source::{MetadataLoadError, apply_metadata};
use super::store::{self, MetadataStatus, REFRESH_EVERY};
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts};
use crate::idp::connections::{
    self, Connection, RetiringCertificate, SamlConnection, SamlSettings, TypedConnection,
};
use crate::kernel::mail::EmailMessage;
use crate::kernel::{Kernel, Timestamp, Tx, http_client};
use crate::signin::notifications;

/// How long a node may take for one connection. If the node is killed, another takes over after this time.
const LEASE: Duration = Duration::from_mins(2);
/// The delay before the next attempt after a failure.
const RETRY_AFTER: Duration = Duration::from_hours(1);
/// How long a certificate is accepted after it left the metadata: not all nodes of the provider may have
/// switched to the new key yet.
const ROLLOVER: Duration = Duration::from_hours(24);
/// How long before the expiry administrators are warned.
pub const WARN_BEFORE: Duration = Duration::from_hours(30 * 24);

/// Why metadata was not applied. The connection's page shows it.
#[derive(Debug, thiserror::Error)]
enum RefreshError {
    #[error("{0}")]
    Fetch(#[from] http_client::Error),
    #[error("the metadata {0}")]
    Load(#[from] MetadataLoadError),
    #[error("the metadata now describes a different identity provider: {0}")]
    OtherProvider(String),
    #[error("the metadata URL is not valid")]
    InvalidUrl,
}

/// Refreshes one connection that is due; returns false if none is.
pub async fn refresh_one(kernel: &Kernel) -> Result<bool, Error> {
    let mut tx = kernel.db.begin().await?;
    let due = store::lease_due_metadata(&mut tx, LEASE).await?;
    tx.commit().await?;
    let Some(mut status) = due else { return Ok(false) };
    let mut c = kernel.db.read().await?;
    let connection = connections::by_id(&mut c, &status.account_id, &status.connection_id).await?;
    drop(c);
    // A connection that cannot be read is skipped until a node whose version can read it gets the lease.
    let typed = connection.and_then(|connection| connection.typed().ok());
    let Some(connection) = typed.and_then(TypedConnection::into_saml) else { return Ok(true) };
    let read = match connection.settings.metadata_url.as_deref().map(Url::parse) {
        Some(Ok(url)) => Some(fetch_settings(kernel, &url, &connection, &mut status).await),
        Some(Err(_)) => Some(Err(RefreshError::InvalidUrl)),
        None => None,
    };
    let now = kernel.clock.now();
    status.next_at = now.plus(REFRESH_EVERY);
    let mut tx = kernel.db.begin().await?;
    let mut current = connection.settings.clone();
    match read {
        Some(Ok(found)) => {
            (status.fetched_at, status.error, status.failing_since) = (Some(now), None, None);
            if let Some(wanted) = found {
                apply_settings(&mut tx, &connection, &wanted).await?;
                current = Arc::new(wanted);
            }
        }
        Some(Err(error)) => {
            tracing::warn!(connection = %connection.id, %error, "a metadata refresh failed");
            status.error = Some(error.to_string());
            status.failing_since.get_or_insert(now);
            status.next_at = now.plus(RETRY_AFTER);
        }
        None => {}
    }
    if connection.is_enabled() {
        warn_of_expiry(kernel, &mut tx, &connection, &current, &mut status).await?;
    }
    store::save_metadata_status(&mut tx, &status).await?;
    tx.commit().await?;
    Ok(true)
}

/// The settings with the current metadata applied; `None` if nothing changed.
async fn fetch_settings(
    kernel: &Kernel,
    url: &Url,
    connection: &SamlConnection,
    status: &mut MetadataStatus,
) -> Result<Option<SamlSettings>, RefreshError> {
    let (settings, http) = (&connection.settings, connection.http_client(kernel));
    let fresh = http.get_if_changed(url, MAX_METADATA_BYTES, status.etag.as_deref()).await?;
    let Some(fresh) = fresh else { return Ok(None) };
    let now = kernel.clock.now();
    let metadata = read_metadata(&fresh.text, settings.metadata_certificate.as_deref(), now.into());
    let metadata = metadata.map_err(MetadataLoadError::from)?;
    if metadata.entity_id != settings.idp_entity_id {
        return Err(RefreshError::OtherProvider(metadata.entity_id));
    }
    status.etag = fresh.etag;
    let mut wanted = SamlSettings::clone(settings);
    wanted.retiring.retain(|one| now < one.until);
    let leaves = settings.certificates.iter().filter(|known| !metadata.certificates.contains(known));
    let until = now.plus(ROLLOVER);
    wanted
        .retiring
        .extend(leaves.map(|certificate| RetiringCertificate { certificate: certificate.clone(), until }));
    apply_metadata(&metadata, &mut wanted);
    Ok((wanted != **settings).then_some(wanted))
}

async fn apply_settings(tx: &mut Tx, connection: &SamlConnection, after: &SamlSettings) -> Result<(), Error> {
    // If the settings were changed meanwhile, that change is kept and this one is dropped.
    if !connections::replace_settings(tx, connection, after).await? {
        return Ok(());
    }
    let names = |settings: &SamlSettings| {
        json!({"sso_url": settings.sso_url, "sso_post_url": settings.sso_post_url, "logout": settings.logout,
            "certificates": fingerprints(&settings.certificates)})
    };
    let event = Event::new(Action::ConnectionRefresh, "connection", &connection.id, &connection.name);
    let detail = json!({"before": names(&connection.settings), "after": names(after)});
    Ok(audit::record(tx, &Context::system(&connection.account_id), event.detail(detail)).await?)
}

fn fingerprints(certificates: &[String]) -> Vec<String> {
    certificates.iter().filter_map(|text| Certificate::read(text).ok()).map(|one| one.fingerprint()).collect()
}

/// The certificate that expires last. Administrators need not act before it does.
#[must_use]
pub fn last_expiring_certificate(settings: &SamlSettings) -> Option<Certificate> {
    let all = settings.certificates.iter().filter_map(|text| Certificate::read(text).ok());
    all.max_by_key(|one| one.not_after)
}

/// Mails the administrators, once for each certificate, when the last certificate of a connection is about
/// to expire.
async fn warn_of_expiry(
    kernel: &Kernel,
    tx: &mut Tx,
    connection: &Connection,
    settings: &SamlSettings,
    status: &mut MetadataStatus,
) -> Result<(), Error> {
    let Some(last) = last_expiring_certificate(settings) else { return Ok(()) };
    let not_after = Timestamp::from(last.not_after);
    let ends_soon = not_after <= tx.now().plus(WARN_BEFORE);
    if !ends_soon || status.warned.as_deref() == Some(last.fingerprint().as_str()) {
        return Ok(());
    }
    let Some(account) = accounts::by_id(tx, &connection.account_id).await? else { return Ok(()) };
    let letter = expiry_email(kernel, connection, &account.name, settings, not_after);
    notifications::notify_admins(kernel, tx, &account, &letter).await?;
    status.warned = Some(last.fingerprint());
    Ok(())
}

fn expiry_email(
    kernel: &Kernel,
    connection: &Connection,
    account: &str,
    settings: &SamlSettings,
    end: Timestamp,
) -> EmailMessage {
    let advice = if settings.metadata_url.is_some() {
        "When your identity provider publishes a new certificate in its metadata, the connection picks it up \
         automatically. Check that a new certificate is planned."
    } else {
        "Before that date, get metadata with the new certificate from your identity provider and load it in \
         the console. You can keep trusting the old certificate for 7 days."
    };
    EmailMessage {
        subject: format!("A certificate of {} expires soon", connection.name),
        paragraphs: vec![
            format!(
                "The certificate that {} uses to sign its responses to {account} expires on {} UTC. Identity \
                 providers usually replace a certificate before it expires. Once it is replaced, users \
                 cannot sign in until this connection has the new certificate.",
                connection.name,
                end.display_minute()
            ),
            advice.into(),
        ],
        action: Some((
            "View connection".into(),
            kernel.urls.absolute(&format!("/console/connections/{}", connection.id)),
        )),
        notes: vec![
            "All administrators of the account receive this email, once for each certificate.".into(),
        ],
    }
}
