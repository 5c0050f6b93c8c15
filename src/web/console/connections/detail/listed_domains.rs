//! The email domains of a connection, each with what it counts for.

use crate::directory::domains::{self, Domain, DomainState};
use crate::idp::connections::Connection;
use crate::kernel::Timestamp;
use crate::kernel::database::DbConn;
use crate::signin::identities;

/// The domains that a connection lists.
pub(super) struct ListedDomains {
    pub(super) rows: Vec<Domain>,
    /// Until when the connection signs in users who used it before the upgrade, if it lists no domain.
    pub(super) grace_until: Option<Timestamp>,
    now: Timestamp,
}

impl ListedDomains {
    pub(super) async fn of(
        c: &mut DbConn,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Self, sqlx::Error> {
        let rows = domains::domains_of(c, &connection.account_id, &connection.id).await?;
        let grace_until = identities::address_grace_until(c, &connection.id, now).await?;
        Ok(Self { rows, grace_until, now })
    }

    /// The content of the form field.
    pub(super) fn text(&self) -> String {
        self.rows.iter().map(|row| row.domain.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What a domain counts for, in a few words.
    pub(super) fn note(&self, domain: &Domain) -> String {
        match (domain.state, domain.in_grace_until(self.now)) {
            (DomainState::Verified, _) => "verified".to_owned(),
            (DomainState::Pending, Some(until)) => {
                format!("verify it before {} UTC", until.display_minute())
            }
            (DomainState::Pending, None) => "not verified: has no effect yet".to_owned(),
            (DomainState::Lost, _) => "no longer verified: has no effect".to_owned(),
        }
    }
}
