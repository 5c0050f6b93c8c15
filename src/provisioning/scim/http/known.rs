//! Tokens that were accepted a moment ago. A directory sends thousands of requests with one token; asking for it each
//! time is half the work of a look-up.

use std::sync::Arc;

use super::{Client, Provisioner, UserMemory};
use crate::access::tokens::{self, Bearer, TokenPurpose};
use crate::idp::connections::ScimSettings;
use crate::kernel::moment::Moment;
use crate::kernel::{Kernel, Timestamp, tokens as secrets};

/// The memory of this node: whom a token stands for, and until when.
#[derive(Default)]
pub(super) struct Known {
    clients: Moment<(Provisioner, Option<Timestamp>)>,
    users: Arc<UserMemory>,
}

impl Known {
    /// Whom a token stands for.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn identify(
        &self,
        kernel: &Kernel,
        secret: &str,
    ) -> Result<Option<Provisioner>, sqlx::Error> {
        let known =
            self.clients.recall_or(&secrets::hash(secret), || Box::pin(self.ask(kernel, secret))).await?;
        let is_good = |end: Option<Timestamp>| end.is_none_or(|end| end > kernel.clock.now());
        Ok(known.filter(|(_, end)| is_good(*end)).map(|(client, _)| client))
    }

    async fn ask(
        &self,
        kernel: &Kernel,
        secret: &str,
    ) -> Result<Option<(Provisioner, Option<Timestamp>)>, sqlx::Error> {
        let found = tokens::authenticate(kernel, secret, TokenPurpose::Scim).await?;
        let Some(Bearer { principal, connection: Some(connection), expires_at }) = found else {
            return Ok(None);
        };
        let client = Client {
            principal,
            connection_id: connection.id,
            name: connection.name,
            settings: ScimSettings::parse(&connection.settings),
            enabled: connection.enabled,
            paused: connection.paused,
            users: self.users.clone(),
        };
        Ok(Some((client.into(), expires_at)))
    }

    /// Forgets all: something was changed here.
    pub(super) fn forget(&self) {
        self.clients.forget();
    }
}
