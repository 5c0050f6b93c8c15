//! What an administrator does with changes that wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::error::Error;
use super::super::http::{Client, Provisioner, write};
use super::super::query::Query;
use super::super::removals;
use super::super::trace::Trace;
use super::{Held, store};
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::idp::connections::{self, Connection};
use crate::kernel::{Kernel, Tx};

/// Changes that are read at once.
const PAGE: i64 = 200;
/// How long one request goes on letting changes through.
const PATIENCE: Duration = Duration::from_secs(15);

/// What became of the changes that were let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// They were carried out.
    pub done: u64,
    /// They cannot be carried out any more; each says why.
    pub refused: u64,
    /// They wait still, as there were too many for one request.
    pub left: i64,
}

impl Released {
    fn count(&mut self, done: bool) {
        *if done { &mut self.done } else { &mut self.refused } += 1;
    }
}

/// Carries out one of the changes that wait for a connection, or all in the order in which they came; each in its
/// own unit of work. When nothing waits any more, a paused connection goes on.
///
/// # Errors
/// [`Error`] of the database; what was carried out stays so.
pub async fn let_through(
    kernel: &Kernel,
    (principal, context): (&Principal, &Context),
    connection: &Connection,
    only: Option<&str>,
) -> Result<Released, Error> {
    let client = Provisioner::from(Client {
        principal: principal.clone(),
        connection_id: connection.id.clone(),
        name: connection.name.clone(),
        settings: connection.scim().unwrap_or_default(),
        enabled: connection.is_enabled(),
        paused: false,
        users: Arc::default(),
    });
    let mut released = Released::default();
    if let Some(id) = only {
        let mut c = kernel.db.read().await?;
        let one = store::by_id(&mut c, (client.account(), &connection.id), id).await?;
        drop(c);
        if let Some(one) = one {
            released.count(carry_out(kernel, &client, context, &one).await?);
        }
    } else {
        carry_out_all(kernel, &client, context, &mut released).await?;
    }
    let mut tx = kernel.db.begin().await?;
    released.left = store::count(&mut tx, client.account(), &connection.id).await?;
    let detail = json!({"done": released.done, "refused": released.refused});
    let event = Event::new(Action::ConnectionLetThrough, "connection", &connection.id, &connection.name);
    audit::record(&mut tx, context, event.detail(detail)).await?;
    if released.left == 0 {
        resume(&mut tx, context, connection).await?;
    }
    tx.commit().await?;
    Ok(released)
}

/// Goes through all of them, or as many as a request has time for.
async fn carry_out_all(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
    released: &mut Released,
) -> Result<(), Error> {
    let begun = Instant::now();
    let mut after = String::new();
    loop {
        let mut c = kernel.db.read().await?;
        let page = store::list(&mut c, client.account(), &client.connection_id, (&after, PAGE)).await?;
        drop(c);
        let Some(last) = page.last() else { return Ok(()) };
        last.id.clone_into(&mut after);
        for one in &page {
            if begun.elapsed() > PATIENCE {
                return Ok(());
            }
            released.count(carry_out(kernel, client, context, one).await?);
        }
    }
}

/// Whether it was done; one that is refused keeps the reason.
async fn carry_out(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
    held: &Held,
) -> Result<bool, Error> {
    let mut tx = kernel.db.begin().await?;
    if !store::take(&mut tx, (client.account(), &client.connection_id), &held.id).await? {
        return Ok(false);
    }
    let query = Query::only("id");
    let asked = (&held.operation, &query);
    let done = write::perform(kernel, &mut tx, client, context, asked, &mut Trace::default()).await;
    match done {
        Ok(_) => {
            tx.commit().await?;
            Ok(true)
        }
        Err(error) if error.status.is_server_error() => Err(error),
        Err(error) => {
            drop(tx);
            let mut tx = kernel.db.begin().await?;
            store::refuse(&mut tx, client.account(), (&held.id, &error.detail)).await?;
            tx.commit().await?;
            Ok(false)
        }
    }
}

/// Forgets one of the changes that wait, or all; how many that were. When nothing waits any more, a paused
/// connection goes on.
///
/// # Errors
/// The database's.
pub async fn discard(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    only: Option<&str>,
) -> Result<u64, sqlx::Error> {
    let discarded = match only {
        Some(id) => u64::from(store::take(tx, (&context.account_id, &connection.id), id).await?),
        None => store::take_all(tx, &context.account_id, &connection.id).await?,
    };
    let event = Event::new(Action::ConnectionDiscard, "connection", &connection.id, &connection.name);
    audit::record(tx, context, event.detail(json!({"discarded": discarded}))).await?;
    if store::count(tx, &context.account_id, &connection.id).await? == 0 {
        resume(tx, context, connection).await?;
    }
    Ok(discarded)
}

async fn resume(tx: &mut Tx, context: &Context, connection: &Connection) -> Result<(), sqlx::Error> {
    if connections::set_paused(tx, connection, false).await? {
        removals::forget(tx, &connection.id).await?;
        let event = Event::new(Action::ConnectionResume, "connection", &connection.id, &connection.name);
        audit::record(tx, context, event).await?;
    }
    Ok(())
}
