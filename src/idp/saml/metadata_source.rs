//! Creating and updating a SAML connection from metadata that an administrator provides.

use std::sync::Arc;

use url::Url;
use vestibule_saml::{IdpMetadata, MAX_METADATA_BYTES, MetadataError, read_metadata};

use super::keys::{self, KeyState, NewKeys};
use super::store;
use crate::audit::Context;
use crate::directory::Error;
use crate::idp::connections::{self, Binding, Connection, ConnectionSettings, NewConnection, SamlSettings};
use crate::kernel::http_client::{self, HttpClient};
use crate::kernel::{Kernel, Tx, ids};

/// Where the identity provider's metadata comes from.
#[derive(Debug, Clone)]
pub enum MetadataSource {
    /// The document itself.
    Xml(String),
    /// A URL to read it from.
    Url(Url),
}

/// Why a connection could not be prepared. All variants but the last are for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum MetadataLoadError {
    /// The metadata was read but cannot be used.
    #[error("cannot be used: {0}")]
    Metadata(#[from] MetadataError),
    /// The metadata could not be fetched.
    #[error("cannot be read from this URL: {0}")]
    Fetch(#[from] http_client::Error),
    /// Our keys could not be generated.
    #[error(transparent)]
    Keys(#[from] Error),
}

/// Metadata that was read, with its source.
#[derive(Debug, Clone)]
pub struct LoadedMetadata {
    metadata: IdpMetadata,
    url: Option<String>,
    etag: Option<String>,
}

/// Reads metadata from `source`. `pinned` is the certificate that must have signed it, base64 of DER.
pub async fn load_metadata(
    kernel: &Kernel,
    http: &HttpClient,
    source: &MetadataSource,
    pinned: Option<&str>,
) -> Result<LoadedMetadata, MetadataLoadError> {
    let now = kernel.clock.now().into();
    match source {
        MetadataSource::Xml(text) => {
            let metadata = read_metadata(text, pinned, now)?;
            Ok(LoadedMetadata { metadata, url: None, etag: None })
        }
        MetadataSource::Url(url) => {
            let fresh = http.get_if_changed(url, MAX_METADATA_BYTES, None).await?;
            let (text, etag) = fresh.map(|fresh| (fresh.text, fresh.etag)).unwrap_or_default();
            let metadata = read_metadata(&text, pinned, now)?;
            Ok(LoadedMetadata { metadata, url: Some(url.to_string()), etag })
        }
    }
}

impl LoadedMetadata {
    /// Applies the metadata to the settings. Certificates that it does not contain are no longer trusted.
    pub fn apply(&self, settings: &mut SamlSettings) {
        apply_metadata(&self.metadata, settings);
        settings.metadata_url.clone_from(&self.url);
    }
}

/// Applies everything that metadata determines to the settings.
pub(super) fn apply_metadata(metadata: &IdpMetadata, settings: &mut SamlSettings) {
    settings.idp_entity_id.clone_from(&metadata.entity_id);
    settings.sso_url.clone_from(&metadata.sso_url);
    settings.sso_post_url.clone_from(&metadata.sso_post_url);
    settings.logout.clone_from(&metadata.logout);
    settings.certificates.clone_from(&metadata.certificates);
    settings.retiring.retain(|old| !metadata.certificates.contains(&old.certificate));
    if metadata.sso_post_url.is_none() {
        settings.request_binding = Binding::Redirect;
    }
}

/// A connection that is ready to be stored: all slow work is done.
pub struct NewSamlConnection {
    /// The connection.
    pub connection: NewConnection,
    keys: NewKeys,
    etag: Option<String>,
}

/// Prepares a new connection: reads the metadata and generates and encrypts our key pairs. Nothing is
/// stored yet.
pub async fn prepare_connection(
    kernel: &Kernel,
    http: &HttpClient,
    name: &str,
    source: &MetadataSource,
    mut settings: SamlSettings,
) -> Result<NewSamlConnection, MetadataLoadError> {
    let loaded = load_metadata(kernel, http, source, settings.metadata_certificate.as_deref()).await?;
    let keys = keys::generate_key_pairs(kernel).await?;
    loaded.apply(&mut settings);
    settings.sign_requests |= loaded.metadata.wants_signed_requests;
    let connection = NewConnection {
        id: ids::new_id(kernel.clock.now()),
        name: name.to_owned(),
        settings: ConnectionSettings::Saml(Arc::new(settings)),
        domains: Vec::new(),
    };
    Ok(NewSamlConnection { connection, keys, etag: loaded.etag })
}

/// Creates the connection with its keys.
pub async fn create_connection(
    tx: &mut Tx,
    context: &Context,
    prepared: NewSamlConnection,
) -> Result<Connection, Error> {
    let made = connections::create(tx, context, prepared.connection).await?;
    keys::insert(tx, &made, &prepared.keys, KeyState::Active).await?;
    store::record_metadata_read(tx, &made, prepared.etag.as_deref()).await?;
    Ok(made)
}

/// Records that an administrator has just loaded the connection's metadata.
pub async fn record_metadata_loaded(
    tx: &mut Tx,
    connection: &Connection,
    loaded: &LoadedMetadata,
) -> Result<(), sqlx::Error> {
    store::record_metadata_read(tx, connection, loaded.etag.as_deref()).await
}
