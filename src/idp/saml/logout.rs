//! Single logout, begun here (saml-profiles §4.4.3.1): the session here ends first, whatever the other side says.

use std::time::Duration;

use super::judge::NameId;
use super::request::{FrontChannelMessage, SpEndpoints, WriteError};
use super::sign::{OutboundMessage, new_message_id};
use super::{keys, store};
use crate::directory::Error;
use crate::idp::connections::{LogoutService, SamlConnection};
use crate::kernel::{Kernel, Timestamp, Tx};
use crate::signin::sessions::UpstreamSession;

/// How long the identity provider may take to answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(10);
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// A way out that leads through the identity provider.
pub struct SamlLogout {
    connection: SamlConnection,
    service: LogoutService,
    name_id: NameId,
    session_index: Option<String>,
}

impl SamlLogout {
    /// The way out of a session that came through `connection`, if that takes logouts.
    pub(crate) fn of(connection: SamlConnection, origin: UpstreamSession) -> Option<Self> {
        let name_id = serde_json::from_str(&origin.provider_detail).ok()?;
        let service = connection.settings.logout.clone()?;
        Some(Self { connection, service, name_id, session_index: origin.provider_session })
    }

    /// What the identity provider is called.
    #[must_use]
    pub fn label(&self) -> String {
        self.connection.label()
    }
}

/// Asks the identity provider to sign the person out there and everywhere else it knows of.
pub async fn start_logout(
    kernel: &Kernel,
    tx: &mut Tx,
    logout: &SamlLogout,
) -> Result<FrontChannelMessage, Error> {
    let SamlLogout { connection, service, name_id, session_index } = logout;
    let now = tx.now();
    let pairs = keys::of_connection(tx, &connection.id).await?;
    let key = keys::signing_key(kernel, &pairs).await?;
    let addresses = SpEndpoints::of(&kernel.urls, &connection.id, &connection.settings);
    let id = new_message_id();
    store::insert_pending_logout(tx, &connection.id, &id, now.plus(RESPONSE_TIMEOUT)).await?;
    let xml = logout_request_xml(&id, &addresses, &service.url, name_id, session_index.as_deref(), now);
    let message = OutboundMessage { name: "SAMLRequest", id: &id, xml: &xml, relay_state: None };
    let sent = message.encode(&service.url, service.binding, key.as_deref());
    sent.map_err(|error: WriteError| Error::Internal(error.to_string()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn open_tag(name: &str, id: &str, destination: &str, now: Timestamp) -> String {
    format!(
        "<samlp:{name} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\" \
         Destination=\"{}\"",
        escape(destination)
    )
}

/// saml-core §3.7.1. samael writes the `SessionIndex` as an attribute, which it is not.
fn logout_request_xml(
    id: &str,
    addresses: &SpEndpoints,
    destination: &str,
    name_id: &NameId,
    session_index: Option<&str>,
    now: Timestamp,
) -> String {
    let attribute = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
    };
    let index =
        session_index.map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(index)));
    format!(
        "{}><saml:Issuer>{}</saml:Issuer><saml:NameID{}{}{}>{}</saml:NameID>{}</samlp:LogoutRequest>",
        open_tag("LogoutRequest", id, destination, now),
        escape(&addresses.entity_id),
        attribute("NameQualifier", &name_id.name_qualifier),
        attribute("SPNameQualifier", &name_id.sp_name_qualifier),
        attribute("Format", &name_id.format),
        escape(&name_id.value),
        index.unwrap_or_default(),
    )
}

/// saml-core §3.7.2: done as asked.
pub(super) fn logout_response_xml(
    id: &str,
    addresses: &SpEndpoints,
    destination: &str,
    in_response_to: &str,
    now: Timestamp,
) -> String {
    format!(
        "{} InResponseTo=\"{}\"><saml:Issuer>{}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"{SUCCESS}\"/>\
         </samlp:Status></samlp:LogoutResponse>",
        open_tag("LogoutResponse", id, destination, now),
        escape(in_response_to),
        escape(&addresses.entity_id),
    )
}
