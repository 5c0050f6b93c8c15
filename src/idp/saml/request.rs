//! What we send: our metadata and `AuthnRequests`, written by samael.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use samael::key_info::{KeyInfo, X509Data};
use samael::metadata::{
    EntityDescriptor, HTTP_POST_BINDING, IndexedEndpoint, KeyDescriptor, NameIdFormat, SpSsoDescriptor,
};
use samael::schema::{AuthnRequest, Issuer, NameIdPolicy};
use samael::traits::ToXml as _;
use url::Url;

use super::super::connections::SamlSettings;
use crate::kernel::urls::{Urls, query_value};
use crate::kernel::{Timestamp, random};

/// Why nothing could be written; a fault of ours, for the log.
#[derive(Debug, thiserror::Error)]
#[error("SAML message could not be written: {0}")]
pub struct WriteError(String);

/// Our addresses for one connection.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Our entity id.
    pub entity_id: String,
    /// Where our metadata is.
    pub metadata: String,
    /// Where responses are posted to.
    pub acs: String,
    /// Where a sign-in with this connection begins.
    pub login: String,
}

impl Addresses {
    /// The addresses of the connection with this id.
    #[must_use]
    pub fn of(urls: &Urls, connection_id: &str, settings: &SamlSettings) -> Self {
        let at = |what: &str| urls.absolute(&format!("/saml/{connection_id}/{what}"));
        Self {
            entity_id: settings.sp_entity_id.clone().unwrap_or_else(|| at("metadata")),
            metadata: at("metadata"),
            acs: at("acs"),
            login: at("login"),
        }
    }
}

/// Our metadata for the identity provider.
///
/// # Errors
/// [`WriteError`].
pub fn sp_metadata(addresses: &Addresses, settings: &SamlSettings) -> Result<String, WriteError> {
    let signing = KeyDescriptor {
        key_use: Some("signing".into()),
        key_info: KeyInfo {
            id: None,
            x509_data: Some(X509Data { certificates: vec![settings.sp_certificate.clone()] }),
        },
        encryption_methods: None,
    };
    let role = SpSsoDescriptor {
        protocol_support_enumeration: Some("urn:oasis:names:tc:SAML:2.0:protocol".into()),
        key_descriptors: Some(vec![signing]),
        name_id_formats: Some(vec![NameIdFormat::EmailAddressNameIDFormat.value().into()]),
        authn_requests_signed: Some(settings.sign_requests),
        want_assertions_signed: Some(true),
        assertion_consumer_services: vec![IndexedEndpoint {
            binding: HTTP_POST_BINDING.into(),
            location: addresses.acs.clone(),
            index: 0,
            is_default: Some(true),
            ..IndexedEndpoint::default()
        }],
        ..SpSsoDescriptor::default()
    };
    let entity = EntityDescriptor {
        entity_id: Some(addresses.entity_id.clone()),
        sp_sso_descriptors: Some(vec![role]),
        ..EntityDescriptor::default()
    };
    entity.to_string().map_err(|e| WriteError(e.to_string()))
}

/// A request id with 160 bits; an XML id must not begin with a digit.
#[must_use]
pub(super) fn new_request_id() -> String {
    format!("_{}", URL_SAFE_NO_PAD.encode(random::bytes::<20>()))
}

/// The address that takes a browser to the identity provider, HTTP-Redirect binding.
///
/// `relay_state`: at most 80 bytes, comes back with the answer (saml-bindings §3.4.3).
///
/// `key`: PKCS#8 of our private key, when the request is to be signed.
///
/// # Errors
/// [`WriteError`].
pub fn authn_request_url(
    addresses: &Addresses,
    settings: &SamlSettings,
    (request_id, relay_state): (&str, Option<&str>),
    now: Timestamp,
    key: Option<&[u8]>,
) -> Result<String, WriteError> {
    let fail = |e: &dyn std::fmt::Display| WriteError(e.to_string());
    let request = AuthnRequest {
        id: request_id.to_owned(),
        version: "2.0".into(),
        issue_instant: chrono::DateTime::from_timestamp_millis(now.0)
            .ok_or_else(|| fail(&"the clock is off"))?,
        // samael appends to what the destination's query has; we put the parts together ourselves.
        destination: Some(settings.sso_url.clone()),
        issuer: Some(Issuer { value: Some(addresses.entity_id.clone()), ..Issuer::default() }),
        name_id_policy: Some(NameIdPolicy {
            allow_create: Some(true),
            format: Some(NameIdFormat::UnspecifiedNameIDFormat.value().into()),
            ..NameIdPolicy::default()
        }),
        assertion_consumer_service_url: Some(addresses.acs.clone()),
        protocol_binding: Some(HTTP_POST_BINDING.into()),
        ..AuthnRequest::default()
    };
    let whole = request.redirect("").map_err(|e| fail(&e))?.ok_or_else(|| fail(&"no destination"))?;
    let encoded = whole
        .query_pairs()
        .find_map(|(name, value)| (name == "SAMLRequest").then(|| value.into_owned()))
        .ok_or_else(|| fail(&"no request"))?;
    let mut query = format!("SAMLRequest={}", query_value(&encoded));
    if let Some(relay_state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&query_value(relay_state));
    }
    if let Some(key) = key {
        // saml-bindings §3.4.4.1: the signature covers these parameters in this order and encoding.
        query.push_str("&SigAlg=");
        query.push_str(&query_value("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"));
        let signature = sign(key, query.as_bytes()).ok_or_else(|| fail(&"the key cannot sign"))?;
        query.push_str("&Signature=");
        query.push_str(&query_value(&STANDARD.encode(signature)));
    }
    let mut url = Url::parse(&settings.sso_url).map_err(|e| fail(&e))?;
    let own = url.query().filter(|own| !own.is_empty()).map(|own| format!("{own}&")).unwrap_or_default();
    url.set_query(Some(&format!("{own}{query}")));
    Ok(url.into())
}

fn sign(pkcs8: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let key = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}
