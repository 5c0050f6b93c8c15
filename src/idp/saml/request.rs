//! Outgoing sign-in requests and our metadata, according to a connection's settings.

use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vestibule_saml::{AuthnRequest, BrowserRequest, OutboundMessage, SpMetadata, WriteError};

use super::keys::{KeyPair, KeyPurpose, KeyState};
use crate::idp::connections::SamlSettings;
use crate::kernel::http::PostForm;
use crate::kernel::urls::Urls;
use crate::kernel::{ConnectionId, Timestamp, random};

/// A new message id with 160 random bits. It starts with an underscore, because an XML id must not start
/// with a digit.
#[must_use]
pub(super) fn new_message_id() -> String {
    format!("_{}", URL_SAFE_NO_PAD.encode(random::bytes::<20>()))
}

/// A message that the browser carries to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrontChannelMessage {
    /// By a redirect to this URL.
    Redirect(String),
    /// By submitting a form.
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

impl From<BrowserRequest> for FrontChannelMessage {
    fn from(request: BrowserRequest) -> Self {
        match request {
            BrowserRequest::Redirect(url) => Self::Redirect(url),
            BrowserRequest::Post { url, fields } => Self::Post(PostForm { url, fields }),
        }
    }
}

/// Our endpoints for one connection.
#[derive(Debug, Clone)]
pub struct SpEndpoints {
    /// Our entity ID.
    pub entity_id: String,
    /// The URL of our metadata.
    pub metadata: String,
    /// The assertion consumer service.
    pub acs: String,
    /// Where a sign-in with this connection starts.
    pub login: String,
    /// The single logout service.
    pub slo: String,
}

impl SpEndpoints {
    /// The endpoints of the connection with this id.
    #[must_use]
    pub fn of(urls: &Urls, connection_id: &ConnectionId, settings: &SamlSettings) -> Self {
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

/// Our metadata for the identity provider, with all published keys. The newest encryption key comes first,
/// because most providers use the first one.
pub fn sp_metadata(
    addresses: &SpEndpoints,
    settings: &SamlSettings,
    keys: &[KeyPair],
) -> Result<String, WriteError> {
    let (signing, mut encryption): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| key.purpose() == KeyPurpose::Signing);
    encryption.sort_by_key(|key| key.state() != KeyState::Next);
    let metadata = SpMetadata {
        entity_id: &addresses.entity_id,
        acs: &addresses.acs,
        slo: &addresses.slo,
        name_id_format: settings.name_id_format,
        sign_requests: settings.sign_requests,
        signing_certificates: signing.iter().map(|key| key.certificate.as_str()).collect(),
        encryption_certificates: encryption.iter().map(|key| key.certificate.as_str()).collect(),
    };
    metadata.to_xml()
}

/// The message that takes the browser to the identity provider. `key` is our private key as PKCS#8, if the
/// request is to be signed.
pub fn authn_request(
    addresses: &SpEndpoints,
    settings: &SamlSettings,
    request_id: &str,
    relay_state: Option<&str>,
    now: Timestamp,
    key: Option<&[u8]>,
) -> Result<FrontChannelMessage, WriteError> {
    let (url, binding) = settings.sso();
    let request = AuthnRequest {
        id: request_id,
        issue_instant: now.into(),
        issuer: &addresses.entity_id,
        destination: url,
        acs: &addresses.acs,
        name_id_format: settings.name_id_format,
        authn_context: &settings.authn_context,
        authn_context_comparison: settings.authn_context_comparison,
        force_authn: settings.force_authn,
    };
    let xml = request.to_xml()?;
    let message = OutboundMessage { name: "SAMLRequest", id: request_id, xml: &xml, relay_state };
    message.encode(url, binding, key).map(FrontChannelMessage::from)
}
