//! Single logout, begun here (saml-profiles §4.4.3.1): the session here ends first, whatever the other side says.

use std::time::Duration;

use super::super::connections::{Connection, LogoutService, SamlSettings};
use super::judge::NameId;
use super::request::{Addresses, Outgoing, WriteError};
use super::sign::{Message, new_message_id};
use super::{keys, store};
use crate::directory::Error;
use crate::kernel::{Kernel, Timestamp, Tx};
use crate::signin::sessions::Origin;

/// How long the identity provider may take to answer.
const PATIENCE: Duration = Duration::from_mins(10);
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// A way out that leads through the identity provider.
pub struct Leaving {
    connection: Connection,
    settings: SamlSettings,
    service: LogoutService,
    name_id: NameId,
    session_index: Option<String>,
}

impl Leaving {
    /// The way out of a session that came through `connection`, if that takes logouts.
    pub(in super::super) fn of(connection: Connection, origin: Origin) -> Option<Self> {
        let settings = connection.saml()?;
        let name_id = serde_json::from_str(&origin.provider_detail).ok()?;
        let service = settings.logout.clone()?;
        Some(Self { connection, settings, service, name_id, session_index: origin.provider_session })
    }

    /// What the identity provider is called.
    #[must_use]
    pub fn label(&self) -> String {
        self.connection.label()
    }
}

/// Asks the identity provider to sign the person out there and everywhere else it knows of.
///
/// # Errors
/// [`Error`].
pub async fn leave(kernel: &Kernel, tx: &mut Tx, leaving: &Leaving) -> Result<Outgoing, Error> {
    let Leaving { connection, settings, service, name_id, session_index } = leaving;
    let now = tx.now();
    let pairs = keys::of_connection(tx, &connection.id).await?;
    let key = keys::signing_key(kernel, &pairs).await?;
    let addresses = Addresses::of(&kernel.urls, &connection.id, settings);
    let id = new_message_id();
    store::await_logout(tx, &connection.id, &id, now.plus(PATIENCE)).await?;
    let xml = request(&id, &addresses, &service.url, (name_id, session_index.as_deref()), now);
    let message = Message { name: "SAMLRequest", id: &id, xml: &xml, relay_state: None };
    let sent = message.send((&service.url, service.binding), key.as_deref());
    sent.map_err(|error: WriteError| Error::Internal(error.to_string()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn opening(name: &str, id: &str, destination: &str, now: Timestamp) -> String {
    format!(
        "<samlp:{name} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\" \
         Destination=\"{}\"",
        escape(destination)
    )
}

/// saml-core §3.7.1. samael writes the `SessionIndex` as an attribute, which it is not.
fn request(
    id: &str,
    addresses: &Addresses,
    destination: &str,
    (name_id, session_index): (&NameId, Option<&str>),
    now: Timestamp,
) -> String {
    let attribute = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
    };
    let index =
        session_index.map(|index| format!("<samlp:SessionIndex>{}</samlp:SessionIndex>", escape(index)));
    format!(
        "{}><saml:Issuer>{}</saml:Issuer><saml:NameID{}{}{}>{}</saml:NameID>{}</samlp:LogoutRequest>",
        opening("LogoutRequest", id, destination, now),
        escape(&addresses.entity_id),
        attribute("NameQualifier", &name_id.name_qualifier),
        attribute("SPNameQualifier", &name_id.sp_name_qualifier),
        attribute("Format", &name_id.format),
        escape(&name_id.value),
        index.unwrap_or_default(),
    )
}

/// saml-core §3.7.2: done as asked.
pub(super) fn response(
    id: &str,
    addresses: &Addresses,
    destination: &str,
    in_response_to: &str,
    now: Timestamp,
) -> String {
    format!(
        "{} InResponseTo=\"{}\"><saml:Issuer>{}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"{SUCCESS}\"/>\
         </samlp:Status></samlp:LogoutResponse>",
        opening("LogoutResponse", id, destination, now),
        escape(in_response_to),
        escape(&addresses.entity_id),
    )
}
