//! A cache of accepted tokens. A provisioning client sends thousands of requests with one token, and
//! checking it in the database each time is half the cost of a lookup.

use std::sync::Arc;

use crate::access::tokens::{self, AuthenticatedToken, TokenPurpose};
use crate::idp::connections::{ConnectionSettings, ScimSettings};
use crate::kernel::cache::ShortCache;
use crate::kernel::{Kernel, Timestamp, tokens as secrets};
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::model::{Provisioner, ProvisioningClient, UserCaches};

/// This node's cache: the client of each token and when the token expires.
#[derive(Default)]
pub(super) struct ClientCache {
    clients: ShortCache<(Provisioner, Option<Timestamp>)>,
    user_caches: Arc<UserCaches>,
}

impl ClientCache {
    /// The client that a token belongs to. Returns `None` for an unknown or expired token.
    pub(super) async fn identify(&self, kernel: &Kernel, secret: &str) -> Result<Option<Provisioner>, Error> {
        let known =
            self.clients.get_or_load(&secrets::hash(secret), || Box::pin(self.load(kernel, secret))).await?;
        let is_good = |end: Option<Timestamp>| end.is_none_or(|end| end > kernel.clock.now());
        Ok(known.filter(|(_, end)| is_good(*end)).map(|(client, _)| client))
    }

    async fn load(
        &self,
        kernel: &Kernel,
        secret: &str,
    ) -> Result<Option<(Provisioner, Option<Timestamp>)>, Error> {
        let found = tokens::authenticate(kernel, secret, TokenPurpose::Scim).await?;
        let Some(AuthenticatedToken { principal, connection: Some(connection), expires_at, .. }) = found
        else {
            return Ok(None);
        };
        let settings = match ConnectionSettings::read(&connection.kind, &connection.settings) {
            Ok(ConnectionSettings::Scim(settings)) => ScimSettings::clone(&settings),
            unreadable => {
                let reason =
                    unreadable.err().map_or("its kind is not scim".to_owned(), |error| error.to_string());
                tracing::error!(connection = %connection.id, reason, "a SCIM connection cannot be used");
                return Err(Error::connection_unreadable());
            }
        };
        let client = ProvisioningClient {
            principal,
            connection_id: connection.id.into(),
            connection_name: connection.name,
            settings,
            enabled: connection.enabled,
            paused: connection.paused,
            user_caches: self.user_caches.clone(),
        };
        Ok(Some((client.into(), expires_at)))
    }

    /// Invalidates all entries, after a change on this node.
    pub(super) fn invalidate(&self) {
        self.clients.invalidate();
    }
}
