//! From what an administrator brings to the settings of a connection.

use url::Url;

use super::super::connections::{Connection, Kind, NewConnection, SamlSettings};
use super::keys::generate_key;
use super::metadata::{self, Metadata, MetadataError};
use crate::kernel::{Kernel, outgoing, vault};

/// Where the identity provider's metadata is.
#[derive(Debug, Clone)]
pub enum Source {
    /// The text itself.
    Xml(String),
    /// An address to read it from.
    Url(Url),
}

/// Why a connection could not be prepared; all but the last two are for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Read, but not usable.
    #[error("The metadata cannot be used: {0}.")]
    Metadata(#[from] MetadataError),
    /// Not read.
    #[error("The metadata could not be read from that address: {0}.")]
    Fetch(#[from] outgoing::Error),
    /// No key.
    #[error("key generation failed: {0}")]
    Key(String),
    /// Not sealed.
    #[error(transparent)]
    Vault(#[from] vault::Error),
}

/// Reads metadata from `source`.
///
/// # Errors
/// [`LoadError::Metadata`], [`LoadError::Fetch`].
pub async fn load(kernel: &Kernel, source: &Source) -> Result<Metadata, LoadError> {
    let text = match source {
        Source::Xml(text) => text.clone(),
        Source::Url(url) => kernel.outgoing.get_text(url, metadata::MAX_BYTES).await?,
    };
    Ok(metadata::read(&text)?)
}

/// Prepares a new connection from metadata: reads it, makes our key pair, seals the private half.
/// Nothing is stored yet; all slow work is done before a unit of work begins.
///
/// # Errors
/// [`LoadError`].
pub async fn prepare(
    kernel: &Kernel,
    name: &str,
    source: &Source,
    settings: SamlSettings,
) -> Result<NewConnection, LoadError> {
    let metadata = load(kernel, source).await?;
    let pair = tokio::task::spawn_blocking(|| generate_key("Vestibule service provider"))
        .await
        .map_err(|e| LoadError::Key(e.to_string()))?
        .map_err(|e| LoadError::Key(e.to_string()))?;
    let id = crate::kernel::ids::new_id(kernel.clock.now());
    let sealed_key = kernel.vault.seal(&Connection::key_binding(&id), &pair.private_key)?;
    let metadata_url = match source {
        Source::Url(url) => Some(url.to_string()),
        Source::Xml(_) => None,
    };
    let settings = SamlSettings {
        sign_requests: settings.sign_requests || metadata.wants_signed_requests,
        idp_entity_id: metadata.entity_id,
        sso_url: metadata.sso_url,
        certificates: metadata.certificates,
        metadata_url,
        sp_certificate: pair.certificate,
        ..settings
    };
    Ok(NewConnection {
        id,
        kind: Kind::Saml,
        name: name.to_owned(),
        saml: Some(settings),
        sealed_key: Some(sealed_key),
        domains: Vec::new(),
    })
}
