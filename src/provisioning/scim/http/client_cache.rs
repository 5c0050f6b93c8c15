//! Tokens that were accepted a moment ago. A directory sends thousands of requests with one token; asking for it each
//! time is half the work of a look-up.

use std::sync::Arc;

use super::{Provisioner, ProvisioningClient, UserCaches};
use crate::access::tokens::{self, AuthenticatedToken, TokenPurpose};
use crate::idp::connections::{ConnectionSettings, ScimSettings};
use crate::kernel::cache::ShortCache;
use crate::kernel::{Kernel, Timestamp, tokens as secrets};
use crate::provisioning::scim::error::Error;

/// The memory of this node: whom a token stands for, and until when.
#[derive(Default)]
pub(super) struct ClientCache {
    clients: ShortCache<(Provisioner, Option<Timestamp>)>,
    user_caches: Arc<UserCaches>,
}

impl ClientCache {
    /// Whom a token stands for.
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
        let Some(AuthenticatedToken { principal, connection: Some(connection), expires_at }) = found else {
            return Ok(None);
        };
        let settings = match ConnectionSettings::read(&connection.kind, &connection.settings) {
            Ok(ConnectionSettings::Scim(settings)) => ScimSettings::clone(&settings),
            unreadable => {
                let reason =
                    unreadable.err().map_or("it is of another kind".to_owned(), |error| error.to_string());
                tracing::error!(connection = connection.id, reason, "a provisioning connection is refused");
                return Err(Error::connection_unreadable());
            }
        };
        let client = ProvisioningClient {
            principal,
            connection_id: connection.id,
            connection_name: connection.name,
            settings,
            enabled: connection.enabled,
            paused: connection.paused,
            user_caches: self.user_caches.clone(),
        };
        Ok(Some((client.into(), expires_at)))
    }

    /// Forgets all: something was changed here.
    pub(super) fn invalidate(&self) {
        self.clients.invalidate();
    }
}
