//! Which connections may speak for a domain.

use serde_json::json;

use super::create::link;
use super::model::Domain;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts};
use crate::kernel::{ConnectionId, Tx};

/// Lets exactly these connections speak for the domain.
pub async fn set_connections(
    tx: &mut Tx,
    context: &Context,
    domain: &Domain,
    connections: &[ConnectionId],
) -> Result<(), Error> {
    accounts::lock(tx, &context.account_id).await?;
    let before = store::connections_of(tx, &domain.account_id, &domain.domain).await?;
    store::unlink_domain(tx, &domain.account_id, &domain.domain).await?;
    for connection_id in connections {
        link(tx, domain, connection_id).await?;
    }
    let after = store::connections_of(tx, &domain.account_id, &domain.domain).await?;
    if before != after {
        let detail = json!({"before": {"connections": before}, "after": {"connections": after}});
        let event = Event::new(Action::DomainUpdate, "domain", &domain.id, &domain.domain);
        audit::record(tx, context, event.detail(detail)).await?;
    }
    Ok(())
}
