//! What we send to begin a sign-in, and our metadata. samael writes both.

use axum::response::{IntoResponse, Redirect, Response};
use samael::key_info::{KeyInfo, X509Data};
use samael::metadata::{
    EncryptionMethod, Endpoint, EntityDescriptor, HTTP_POST_BINDING, HTTP_REDIRECT_BINDING, IndexedEndpoint,
    KeyDescriptor, SpSsoDescriptor,
};
use samael::schema::{
    AuthnContextClassRef, AuthnContextComparison, AuthnRequest, Issuer, NameIdPolicy, RequestedAuthnContext,
};
use samael::traits::ToXml as _;

use super::keys::{KeyPair, KeyPurpose, KeyState};
use super::sign::OutboundMessage;
use crate::idp::connections::{Comparison, NameIdFormat, SamlSettings};
use crate::kernel::Timestamp;
use crate::kernel::http::PostForm;
use crate::kernel::urls::Urls;

/// Why nothing could be written; a fault of ours, for the log.
#[derive(Debug, thiserror::Error)]
#[error("SAML message could not be written: {0}")]
pub struct WriteError(String);

impl WriteError {
    pub(super) fn new(cause: &dyn std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// How a browser takes a message to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrontChannelMessage {
    /// By going to an address.
    Redirect(String),
    /// By sending a form.
    Post(PostForm),
}

impl IntoResponse for FrontChannelMessage {
    fn into_response(self) -> Response {
        match self {
            Self::Redirect(url) => Redirect::to(&url).into_response(),
            Self::Post(form) => form.into_response(),
        }
    }
}

/// Our addresses for one connection.
#[derive(Debug, Clone)]
pub struct SpEndpoints {
    /// Our entity id.
    pub entity_id: String,
    /// Where our metadata is.
    pub metadata: String,
    /// Where responses are posted to.
    pub acs: String,
    /// Where a sign-in with this connection begins.
    pub login: String,
    /// Where logouts come to.
    pub slo: String,
}

impl SpEndpoints {
    /// The addresses of the connection with this id.
    #[must_use]
    pub fn of(urls: &Urls, connection_id: &str, settings: &SamlSettings) -> Self {
        let at = |what: &str| urls.absolute(&format!("/saml/{connection_id}/{what}"));
        Self {
            entity_id: settings.sp_entity_id.clone().unwrap_or_else(|| at("metadata")),
            metadata: at("metadata"),
            acs: at("acs"),
            login: at("login"),
            slo: at("slo"),
        }
    }
}

/// What others may encrypt with for us, the best first.
const ENCRYPTION_METHODS: [&str; 3] = [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
];

fn key_descriptor(key: &KeyPair) -> KeyDescriptor {
    let methods = ENCRYPTION_METHODS.map(|algorithm| EncryptionMethod { algorithm: algorithm.into() });
    KeyDescriptor {
        key_use: Some(key.purpose().as_str().into()),
        key_info: KeyInfo {
            id: None,
            x509_data: Some(X509Data { certificates: vec![key.certificate.clone()] }),
        },
        encryption_methods: (key.purpose() == KeyPurpose::Encryption).then(|| methods.to_vec()),
    }
}

/// Our metadata for the identity provider, with all keys it may meet. Of those to encrypt with the newest comes
/// first: most providers take that one.
pub fn sp_metadata(
    addresses: &SpEndpoints,
    settings: &SamlSettings,
    keys: &[KeyPair],
) -> Result<String, WriteError> {
    let (signing, mut encryption): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| key.purpose() == KeyPurpose::Signing);
    encryption.sort_by_key(|key| key.state() != KeyState::Next);
    let logout_services = [HTTP_REDIRECT_BINDING, HTTP_POST_BINDING].map(|binding| Endpoint {
        binding: binding.into(),
        location: addresses.slo.clone(),
        response_location: None,
    });
    let role = SpSsoDescriptor {
        protocol_support_enumeration: Some("urn:oasis:names:tc:SAML:2.0:protocol".into()),
        key_descriptors: Some(signing.into_iter().chain(encryption).map(key_descriptor).collect()),
        single_logout_services: Some(logout_services.to_vec()),
        name_id_formats: Some(vec![match settings.name_id_format {
            NameIdFormat::Unspecified => NameIdFormat::Email.uri().into(),
            format => format.uri().into(),
        }]),
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
    entity.to_string().map_err(|error| WriteError::new(&error))
}

fn requested_context(settings: &SamlSettings) -> Option<RequestedAuthnContext> {
    if settings.authn_context.is_empty() {
        return None;
    }
    let classes = settings.authn_context.iter().map(|uri| AuthnContextClassRef { value: Some(uri.clone()) });
    Some(RequestedAuthnContext {
        authn_context_class_refs: Some(classes.collect()),
        authn_context_decl_refs: None,
        comparison: Some(match settings.authn_context_comparison {
            Comparison::Exact => AuthnContextComparison::Exact,
            Comparison::Minimum => AuthnContextComparison::Minimum,
            Comparison::Better => AuthnContextComparison::Better,
            Comparison::Maximum => AuthnContextComparison::Maximum,
        }),
    })
}

/// What takes a browser to the identity provider. `key`: PKCS#8 of our private key, when the request is signed.
pub fn authn_request(
    addresses: &SpEndpoints,
    settings: &SamlSettings,
    request_id: &str,
    relay_state: Option<&str>,
    now: Timestamp,
    key: Option<&[u8]>,
) -> Result<FrontChannelMessage, WriteError> {
    let (url, binding) = settings.sso();
    let issue_instant = chrono::DateTime::from_timestamp_millis(now.0);
    let request = AuthnRequest {
        id: request_id.to_owned(),
        version: "2.0".into(),
        issue_instant: issue_instant.ok_or_else(|| WriteError::new(&"the clock is off"))?,
        destination: Some(url.to_owned()),
        issuer: Some(Issuer { value: Some(addresses.entity_id.clone()), ..Issuer::default() }),
        name_id_policy: Some(NameIdPolicy {
            allow_create: Some(true),
            format: Some(settings.name_id_format.uri().into()),
            ..NameIdPolicy::default()
        }),
        requested_authn_context: requested_context(settings),
        force_authn: settings.force_authn.then_some(true),
        assertion_consumer_service_url: Some(addresses.acs.clone()),
        protocol_binding: Some(HTTP_POST_BINDING.into()),
        ..AuthnRequest::default()
    };
    let xml = request.to_string().map_err(|error| WriteError::new(&error))?;
    let message = OutboundMessage { name: "SAMLRequest", id: request_id, xml: &xml, relay_state };
    message.encode(url, binding, key)
}
