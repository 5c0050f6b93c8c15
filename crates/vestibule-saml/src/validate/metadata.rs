//! Metadata of identity providers (saml-metadata-2.0-os). Its structure and signature are verified if a
//! certificate is pinned.

use jiff::Timestamp;
use url::Url;

use super::node::{DSIG, Node};
use super::{signature, text};
use crate::certificate::{BadCertificate, Certificate};
use crate::check::{SamlCheck, SamlRejection, SamlReport};
use crate::model::{Binding, LogoutService};
use crate::time::parse_time;

/// Federations publish megabytes, but the metadata of one identity provider has a few kilobytes.
pub const MAX_METADATA_BYTES: usize = 512 * 1024;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// The part of an identity provider's metadata that we use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdpMetadata {
    /// The identity provider's entity ID.
    pub entity_id: String,
    /// The single sign-on URL for the HTTP-Redirect binding; empty if there is none.
    pub sso_url: String,
    /// The single sign-on URL for the HTTP-POST binding.
    pub sso_post_url: Option<String>,
    /// The single logout service.
    pub logout: Option<LogoutService>,
    /// Signing certificates, base64 of DER.
    pub certificates: Vec<String>,
    /// Whether the identity provider demands signed requests.
    pub wants_signed_requests: bool,
}

/// Why metadata cannot be used. The texts are shown to the administrator who entered it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is larger than [`MAX_METADATA_BYTES`].
    #[error("it is larger than 512 KiB; use the metadata of one identity provider, not of a federation")]
    TooLarge,
    /// It is not XML, or XML with a DTD.
    #[error("it is not well-formed XML in UTF-8, or it has a document type declaration (DTD)")]
    NotXml,
    /// It is XML but not metadata.
    #[error("it is not SAML 2.0 metadata")]
    NotMetadata,
    /// It has content that readers could interpret differently.
    #[error("it contains {0}, which XML parsers can interpret differently")]
    Ambiguous(String),
    /// Its `validUntil` has passed.
    #[error("it expired on {0} UTC; get the current metadata from the identity provider")]
    Expired(String),
    /// It is not signed by the pinned certificate.
    #[error("it is not signed with the pinned certificate: {0}")]
    Signature(String),
    /// It describes no identity provider or several.
    #[error("it describes {0} identity providers; it must describe exactly one")]
    Providers(usize),
    /// The identity provider has no entity ID.
    #[error("the identity provider has no entity ID")]
    NoEntityId,
    /// The identity provider has no usable single sign-on URL.
    #[error(
        "the identity provider has no SingleSignOnService with the HTTP-Redirect or HTTP-POST binding and an http(s) \
         URL"
    )]
    NoSsoEndpoint,
    /// There is no certificate to verify signatures with.
    #[error("the identity provider has no signing certificate")]
    NoCertificate,
    /// A signing certificate cannot be used.
    #[error("a signing certificate cannot be used: {0}")]
    BadCertificate(#[from] BadCertificate),
}

/// Reads metadata in UTF-8; a byte order mark is tolerated. If `pinned` is given, that certificate must have
/// signed it.
pub fn read_metadata(text: &str, pinned: Option<&str>, now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.len() > MAX_METADATA_BYTES {
        return Err(MetadataError::TooLarge);
    }
    let mut report = SamlReport::default();
    let document = text::parse(text, &mut report).map_err(|_| MetadataError::NotXml)?;
    let root = Node::root(&document).ok_or(MetadataError::NotMetadata)?;
    if !root.is(METADATA, "EntityDescriptor") && !root.is(METADATA, "EntitiesDescriptor") {
        return Err(MetadataError::NotMetadata);
    }
    let has_role = |node: Node<'_>| node.children(METADATA, "IDPSSODescriptor").next().is_some();
    let all = document.descendants(document.root()).into_iter().map(|id| Node { document: &document, id });
    let entities: Vec<Node<'_>> =
        all.filter(|node| node.is(METADATA, "EntityDescriptor") && has_role(*node)).collect();
    let [entity] = entities[..] else { return Err(MetadataError::Providers(entities.len())) };
    if let Some(pinned) = pinned {
        // Comments are common in metadata that is edited by hand, and harmless if no signature is verified.
        let signatures = text::check_tree(&document, &report, |_| Ok(()))
            .map_err(|failed| MetadataError::Ambiguous(failed.found))?;
        verify_signature(&document, &signatures, root, entity, pinned, &mut report).map_err(|failed| {
            MetadataError::Signature(format!("{}: {}", failed.check.as_str(), failed.found))
        })?;
    }
    for node in [root, entity] {
        let end = node.attribute("validUntil").and_then(parse_time);
        if let Some(end) = end.filter(|end| *end <= now) {
            return Err(MetadataError::Expired(end.strftime("%Y-%m-%d %H:%M").to_string()));
        }
    }
    read_entity(entity)
}

/// Requires a signature on the whole document or on the entity.
fn verify_signature(
    document: &uppsala::dom::Document<'_>,
    signatures: &[text::SignatureRef<'_>],
    root: Node<'_>,
    entity: Node<'_>,
    pinned: &str,
    report: &mut SamlReport,
) -> Result<(), SamlRejection> {
    let certificates = signature::trusted_certificates(&[pinned.to_owned()], report)?;
    let signed = if root.id == entity.id {
        signature::verify(document, signatures, [entity], &certificates, report)?[0]
    } else {
        let [all, one] = signature::verify(document, signatures, [root, entity], &certificates, report)?;
        all || one
    };
    report.require(SamlCheck::SignatureCoverage, signed, "a signature", "none")
}

fn read_entity(entity: Node<'_>) -> Result<IdpMetadata, MetadataError> {
    let role = entity.children(METADATA, "IDPSSODescriptor").next().ok_or(MetadataError::Providers(0))?;
    let entity_id = entity.attribute("entityID").filter(|id| !id.is_empty());
    let entity_id = entity_id.ok_or(MetadataError::NoEntityId)?.to_owned();
    let redirect = find_endpoint(role, "SingleSignOnService", REDIRECT).map(|found| found.0);
    let post = find_endpoint(role, "SingleSignOnService", POST).map(|found| found.0);
    if redirect.is_none() && post.is_none() {
        return Err(MetadataError::NoSsoEndpoint);
    }
    let logout =
        [(REDIRECT, Binding::Redirect), (POST, Binding::Post)].into_iter().find_map(|(uri, binding)| {
            let (url, response_url) = find_endpoint(role, "SingleLogoutService", uri)?;
            Some(LogoutService { url, response_url, binding })
        });
    let mut certificates: Vec<String> = Vec::new();
    // A key without a use serves for both uses (§2.4.1.1).
    let keys = role
        .children(METADATA, "KeyDescriptor")
        .filter(|key| key.attribute("use").is_none_or(|usage| usage == "signing"))
        .filter_map(|key| key.only_child(DSIG, "KeyInfo"));
    let data = keys.flat_map(|info| info.children(DSIG, "X509Data").collect::<Vec<_>>());
    let texts = data.flat_map(|data| data.children(DSIG, "X509Certificate").collect::<Vec<_>>());
    for text in texts {
        let encoded = Certificate::read(&text.text().unwrap_or_default())?.to_base64();
        if !certificates.contains(&encoded) {
            certificates.push(encoded);
        }
    }
    if certificates.is_empty() {
        return Err(MetadataError::NoCertificate);
    }
    let wants_signed_requests = matches!(role.attribute("WantAuthnRequestsSigned"), Some("true" | "1"));
    let sso_url = redirect.unwrap_or_default();
    Ok(IdpMetadata { entity_id, sso_url, sso_post_url: post, logout, certificates, wants_signed_requests })
}

/// The first URL of a service with this binding, and its URL for responses.
fn find_endpoint(role: Node<'_>, name: &str, binding: &str) -> Option<(String, Option<String>)> {
    let web = |location: &str| {
        let location = location.trim();
        let fits = Url::parse(location).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        fits.then(|| location.to_owned())
    };
    role.children(METADATA, name).filter(|service| service.attribute("Binding") == Some(binding)).find_map(
        |service| {
            let location = service.attribute("Location").and_then(web)?;
            Some((location, service.attribute("ResponseLocation").and_then(web)))
        },
    )
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
