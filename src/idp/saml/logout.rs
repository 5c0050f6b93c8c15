//! Single logout, begun here (saml-profiles §4.4.3.1): the session here ends first, whatever the other side says.

use std::time::Duration;

use vestibule_saml::{MessageHeader, NameId, OutboundMessage};

use super::request::{FrontChannelMessage, SpEndpoints, new_message_id};
use super::{keys, store};
use crate::directory::Error;
use crate::idp::connections::{LogoutService, SamlConnection};
use crate::kernel::{Kernel, Tx};
use crate::signin::sessions::UpstreamSession;

/// How long the identity provider may take to answer.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(10);

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
    let header = MessageHeader {
        id: &id,
        issue_instant: now.into(),
        issuer: &addresses.entity_id,
        destination: &service.url,
    };
    let xml = header.logout_request_xml(name_id, session_index.as_deref());
    let message = OutboundMessage { name: "SAMLRequest", id: &id, xml: &xml, relay_state: None };
    let sent = message.encode(&service.url, service.binding, key.as_deref());
    sent.map(FrontChannelMessage::from).map_err(|error| Error::Internal(error.to_string()))
}
