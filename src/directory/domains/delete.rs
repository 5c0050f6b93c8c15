//! Giving a domain up.

use serde_json::json;

use super::model::Domain;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, accounts};
use crate::kernel::Tx;

/// Deletes a domain: from now on it counts for nothing in this account, and another account can verify it.
pub async fn delete(tx: &mut Tx, context: &Context, domain: &Domain) -> Result<(), Error> {
    accounts::lock(tx, &context.account_id).await?;
    store::remove(tx, domain).await?;
    let event = Event::new(Action::DomainDelete, "domain", &domain.id, &domain.domain);
    audit::record(tx, context, event.detail(json!({"state": domain.state.as_str()}))).await?;
    Ok(())
}
