//! What an administrator does with changes that wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{PendingChange, store};
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::idp::connections::{self, Connection, ConnectionSettings, ScimSettings};
use crate::kernel::{Kernel, Tx};
use crate::provisioning::scim::deletion_guard;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::http::{Provisioner, ProvisioningClient, write};
use crate::provisioning::scim::query::ScimQuery;
use crate::provisioning::scim::trace::Trace;

/// Changes that are read at once.
const PAGE: i64 = 200;
/// How long one request goes on letting changes through.
const TIME_BUDGET: Duration = Duration::from_secs(15);

/// What became of the changes that were let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApprovalResult {
    /// They were carried out.
    pub applied: u64,
    /// They cannot be carried out any more; each says why.
    pub refused: u64,
    /// They wait still, as there were too many for one request.
    pub remaining: i64,
}

impl ApprovalResult {
    fn record(&mut self, done: bool) {
        *if done { &mut self.applied } else { &mut self.refused } += 1;
    }
}

/// Carries out one of the changes that wait for a connection, or all in the order in which they came; each in its
/// own unit of work. When nothing waits any more, a paused connection goes on.
pub async fn approve(
    kernel: &Kernel,
    principal: &Principal,
    context: &Context,
    connection: &Connection,
    only: Option<&str>,
) -> Result<ApprovalResult, Error> {
    let Ok(ConnectionSettings::Scim(settings)) = connection.settings() else {
        return Err(Error::connection_unreadable());
    };
    let client = Provisioner::from(ProvisioningClient {
        principal: principal.clone(),
        connection_id: connection.id.clone(),
        connection_name: connection.name.clone(),
        settings: ScimSettings::clone(settings),
        enabled: connection.is_enabled(),
        paused: false,
        user_caches: Arc::default(),
    });
    let mut result = ApprovalResult::default();
    if let Some(id) = only {
        let mut c = kernel.db.read().await?;
        let one = store::by_id(&mut c, client.account_id(), &connection.id, id).await?;
        drop(c);
        if let Some(one) = one {
            result.record(apply_change(kernel, &client, context, &one).await?);
        }
    } else {
        apply_all(kernel, &client, context, &mut result).await?;
    }
    let mut tx = kernel.db.begin().await?;
    result.remaining = store::count(&mut tx, client.account_id(), &connection.id).await?;
    let detail = json!({"done": result.applied, "refused": result.refused});
    let event = Event::new(Action::ConnectionLetThrough, "connection", &connection.id, &connection.name);
    audit::record(&mut tx, context, event.detail(detail)).await?;
    if result.remaining == 0 {
        resume_connection(&mut tx, context, connection).await?;
    }
    tx.commit().await?;
    Ok(result)
}

/// Goes through all of them, or as many as a request has time for.
async fn apply_all(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
    result: &mut ApprovalResult,
) -> Result<(), Error> {
    let begun = Instant::now();
    let mut after = String::new();
    loop {
        let mut c = kernel.db.read().await?;
        let page = store::list(&mut c, client.account_id(), &client.connection_id, &after, PAGE).await?;
        drop(c);
        let Some(last) = page.last() else { return Ok(()) };
        last.id.clone_into(&mut after);
        for one in &page {
            if begun.elapsed() > TIME_BUDGET {
                return Ok(());
            }
            result.record(apply_change(kernel, client, context, one).await?);
        }
    }
}

/// Whether it was done; one that is refused keeps the reason.
async fn apply_change(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
    change: &PendingChange,
) -> Result<bool, Error> {
    let mut tx = kernel.db.begin().await?;
    if !store::delete(&mut tx, client.account_id(), &client.connection_id, &change.id).await? {
        return Ok(false);
    }
    let query = ScimQuery::only("id");
    let asked = (&change.operation, &query);
    let done = write::apply_operation(kernel, &mut tx, client, context, asked, &mut Trace::default()).await;
    match done {
        Ok(_) => {
            tx.commit().await?;
            Ok(true)
        }
        Err(error) if error.status.is_server_error() => Err(error),
        Err(error) => {
            drop(tx);
            let mut tx = kernel.db.begin().await?;
            store::set_refusal(&mut tx, client.account_id(), &change.id, &error.detail).await?;
            tx.commit().await?;
            Ok(false)
        }
    }
}

/// Forgets one of the changes that wait, or all; how many that were. When nothing waits any more, a paused
/// connection goes on.
pub async fn discard(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    only: Option<&str>,
) -> Result<u64, sqlx::Error> {
    let discarded = match only {
        Some(id) => u64::from(store::delete(tx, &context.account_id, &connection.id, id).await?),
        None => store::delete_all(tx, &context.account_id, &connection.id).await?,
    };
    let event = Event::new(Action::ConnectionDiscard, "connection", &connection.id, &connection.name);
    audit::record(tx, context, event.detail(json!({"discarded": discarded}))).await?;
    if store::count(tx, &context.account_id, &connection.id).await? == 0 {
        resume_connection(tx, context, connection).await?;
    }
    Ok(discarded)
}

async fn resume_connection(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
) -> Result<(), sqlx::Error> {
    if connections::set_paused(tx, connection, false).await? {
        deletion_guard::reset_counter(tx, &connection.id).await?;
        let event = Event::new(Action::ConnectionResume, "connection", &connection.id, &connection.name);
        audit::record(tx, context, event).await?;
    }
    Ok(())
}
