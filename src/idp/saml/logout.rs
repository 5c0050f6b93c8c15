//! Single logout that begins here (saml-profiles §4.4.3.1). The session here ends first, whatever the
//! identity provider answers.

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

/// The logout of a session at its identity provider.
pub struct SamlLogout {
    connection: SamlConnection,
    service: LogoutService,
    name_id: NameId,
    session_index: Option<String>,
}

impl SamlLogout {
    /// The logout of a session that came through `connection`, if the provider supports it.
    pub(crate) fn of(connection: SamlConnection, origin: UpstreamSession) -> Option<Self> {
        let name_id = serde_json::from_str(&origin.provider_detail).ok()?;
        let service = connection.settings.logout.clone()?;
        Some(Self { connection, service, name_id, session_index: origin.provider_session })
    }

    /// The display name of the provider.
    #[must_use]
    pub fn label(&self) -> String {
        self.connection.label()
    }
}

/// Creates the logout request, with which the identity provider ends the user's session there and at every
/// service that shares it, and records that it waits for the response.
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
