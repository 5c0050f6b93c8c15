//! Reading an identity provider's metadata.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use samael::metadata::{EntityDescriptor, EntityDescriptorType, HTTP_REDIRECT_BINDING};
use uppsala::parser::Parser;
use url::Url;

/// Federations publish megabytes; one provider's own metadata is a few kilobytes.
pub(super) const MAX_BYTES: usize = 512 * 1024;

/// What we take from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The provider's entity id.
    pub entity_id: String,
    /// Where browsers are sent, HTTP-Redirect binding.
    pub sso_url: String,
    /// Signing certificates, base64 of DER.
    pub certificates: Vec<String>,
    /// Whether the provider demands signed requests.
    pub wants_signed_requests: bool,
}

/// Why metadata cannot be used, for the administrator who brought it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Too large.
    #[error("it is larger than 512 KiB; take the metadata of this one provider, not of a federation")]
    TooLarge,
    /// Not XML, or XML with a DTD.
    #[error("it is not well-formed XML without a document type declaration")]
    NotXml,
    /// XML, not metadata.
    #[error("it is not SAML 2.0 metadata")]
    NotMetadata,
    /// No or several providers.
    #[error("it describes {0} identity providers; it must describe exactly one")]
    Providers(usize),
    /// No entity id.
    #[error("the identity provider has no entityID")]
    NoEntityId,
    /// No usable endpoint.
    #[error(
        "the identity provider has no SingleSignOnService with the HTTP-Redirect binding and an http(s) address"
    )]
    NoRedirect,
    /// No certificate to check signatures with.
    #[error("the identity provider has no signing certificate")]
    NoCertificate,
    /// A certificate that is none.
    #[error("a signing certificate cannot be read: {0}")]
    BadCertificate(String),
}

/// Reads metadata in UTF-8; a byte order mark is tolerated.
///
/// # Errors
/// [`MetadataError`].
pub fn read(text: &str) -> Result<Metadata, MetadataError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.len() > MAX_BYTES {
        return Err(MetadataError::TooLarge);
    }
    // samael's reader ignores DTDs; refuse them before it sees any.
    Parser::new().with_forbid_dtd(true).with_max_depth(64).parse(text).map_err(|_| MetadataError::NotXml)?;
    let all: EntityDescriptorType = text.parse().map_err(|_| MetadataError::NotMetadata)?;
    let providers: Vec<&EntityDescriptor> =
        all.iter().filter(|e| e.idp_sso_descriptors.as_ref().is_some_and(|d| !d.is_empty())).collect();
    let [entity] = providers.as_slice() else { return Err(MetadataError::Providers(providers.len())) };
    let role = entity.idp_sso_descriptors.iter().flatten().next().ok_or(MetadataError::Providers(0))?;

    let entity_id = entity.entity_id.clone().filter(|id| !id.is_empty()).ok_or(MetadataError::NoEntityId)?;
    let sso_url = role
        .single_sign_on_services
        .iter()
        .filter(|service| service.binding == HTTP_REDIRECT_BINDING)
        .map(|service| service.location.trim().to_owned())
        .find(|location| Url::parse(location).is_ok_and(|url| matches!(url.scheme(), "http" | "https")))
        .ok_or(MetadataError::NoRedirect)?;
    let certificates = role
        .key_descriptors
        .iter()
        // A key without a use serves for both (saml-metadata §2.4.1.1).
        .filter(|key| key.key_use.as_deref().is_none_or(|usage| usage == "signing"))
        .flat_map(|key| key.key_info.x509_data.iter().flat_map(|data| &data.certificates))
        .map(|certificate| read_certificate(certificate))
        .collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() {
        return Err(MetadataError::NoCertificate);
    }
    let wants_signed_requests = role.want_authn_requests_signed.unwrap_or(false);
    Ok(Metadata { entity_id, sso_url, certificates, wants_signed_requests })
}

/// Base64 with any line breaks, checked to be a certificate with a key we can verify with.
fn read_certificate(text: &str) -> Result<String, MetadataError> {
    let bad = |reason: &dyn std::fmt::Display| MetadataError::BadCertificate(reason.to_string());
    let compact: String = text.split_whitespace().collect();
    let der = STANDARD.decode(&compact).map_err(|e| bad(&e))?;
    bergshamra::keys::loader::load_x509_cert_der(&der).map_err(|e| bad(&e))?;
    Ok(compact)
}
