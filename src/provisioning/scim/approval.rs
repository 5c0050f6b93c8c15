//! Approving and discarding pending changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use vestibule_scim::query::ScimQuery;

use super::deletion_guard;
use super::error::Error;
use super::model::{Provisioner, ProvisioningClient};
use super::pending_changes::{self, PendingChange};
use super::write::ScimWrite;
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::idp::connections::{self, Connection, ConnectionSettings, ScimSettings};
use crate::kernel::{Kernel, Tx};

/// Pending changes that are read at once.
const PAGE: i64 = 200;
/// How long one request carries out changes before the rest is left for the next one.
const TIME_BUDGET: Duration = Duration::from_secs(15);

/// The outcome of an approval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApprovalResult {
    /// Changes that were carried out.
    pub applied: u64,
    /// Changes that were deleted because they would have changed nothing any more.
    pub outdated: u64,
    /// Changes that were refused, each with the reason stored, or that another request had handled already.
    pub refused: u64,
    /// Changes that still wait, because they were refused or there were too many for one request.
    pub remaining: i64,
}

/// What became of one approved change.
enum ChangeOutcome {
    Applied,
    /// It would have changed nothing any more, and was deleted.
    Outdated,
    /// It was refused for this reason and stays pending.
    Refused(String),
    /// It does not wait any more.
    Gone,
}

impl ChangeOutcome {
    /// What the administrator is told about a change that was approved alone and not carried out.
    fn problem(&self, connection: &Connection) -> Option<String> {
        Some(match self {
            Self::Applied => return None,
            Self::Outdated => {
                "The user or group already has the values of this change. Nothing was applied, and the change is no \
                 longer pending."
                    .into()
            }
            Self::Refused(reason) => format!(
                "The change was not applied and is still pending. If it is no longer needed, discard it. Reason: \
                 {reason}"
            ),
            Self::Gone => format!(
                "This change is no longer pending: it was approved or discarded, or {} has sent another change in \
                 its place. Nothing was applied. Review the changes that are pending now.",
                connection.name
            ),
        })
    }
}

/// Carries out one pending change of a connection, or all in the order of their arrival, each in its own
/// transaction. When none remains, a paused connection resumes. If the change `only` was not carried out, the error
/// is a 409 that says what became of it.
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
    let mut run = ApprovalRun { kernel, client: &client, context, result: ApprovalResult::default() };
    let problem = if let Some(id) = only {
        run.apply_one(id).await?.problem(connection)
    } else {
        run.apply_all().await?;
        None
    };
    let result = run.finish(connection).await?;
    match problem {
        Some(detail) => Err(Error::plain(StatusCode::CONFLICT, detail)),
        None => Ok(result),
    }
}

/// One approval request for a connection.
struct ApprovalRun<'a> {
    kernel: &'a Kernel,
    client: &'a Provisioner,
    context: &'a Context,
    result: ApprovalResult,
}

impl ApprovalRun<'_> {
    /// Carries out the change with this id, if it still waits.
    async fn apply_one(&mut self, id: &str) -> Result<ChangeOutcome, Error> {
        let mut c = self.kernel.db.read().await?;
        let found =
            pending_changes::by_id(&mut c, self.client.account_id(), &self.client.connection_id, id).await?;
        drop(c);
        match found {
            Some(change) => self.apply_change(&change).await,
            None => Ok(ChangeOutcome::Gone),
        }
    }

    /// Carries out all changes, or as many as the time budget allows.
    async fn apply_all(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let mut after = String::new();
        loop {
            let mut c = self.kernel.db.read().await?;
            let (account_id, connection_id) = (self.client.account_id(), &self.client.connection_id);
            let page = pending_changes::list(&mut c, account_id, connection_id, &after, PAGE).await?;
            drop(c);
            let Some(last) = page.last() else { return Ok(()) };
            last.id.clone_into(&mut after);
            for change in &page {
                if begun.elapsed() > TIME_BUDGET {
                    return Ok(());
                }
                self.apply_change(change).await?;
            }
        }
    }

    /// Carries out one change and counts it. A refused change keeps the reason and stays pending.
    async fn apply_change(&mut self, change: &PendingChange) -> Result<ChangeOutcome, Error> {
        let (account_id, connection_id) = (self.client.account_id(), &self.client.connection_id);
        let mut tx = self.kernel.db.begin().await?;
        if !pending_changes::delete(&mut tx, account_id, connection_id, &change.id).await? {
            self.result.refused += 1;
            return Ok(ChangeOutcome::Gone);
        }
        let query = ScimQuery::only("id");
        let mut write = ScimWrite::new(self.kernel, self.client, self.context, &change.operation, &query);
        match write.apply(&mut tx).await {
            Ok(_) => {
                let changes_nothing = write.changes_nothing();
                tx.commit().await?;
                if changes_nothing {
                    self.result.outdated += 1;
                    return Ok(ChangeOutcome::Outdated);
                }
                self.result.applied += 1;
                Ok(ChangeOutcome::Applied)
            }
            Err(error) if error.status.is_server_error() => Err(error),
            Err(error) => {
                drop(tx);
                let mut tx = self.kernel.db.begin().await?;
                pending_changes::set_refusal(&mut tx, account_id, &change.id, &error.detail).await?;
                tx.commit().await?;
                self.result.refused += 1;
                Ok(ChangeOutcome::Refused(error.detail))
            }
        }
    }

    /// Records the approval. If no change remains, the connection resumes.
    async fn finish(self, connection: &Connection) -> Result<ApprovalResult, Error> {
        let mut tx = self.kernel.db.begin().await?;
        let remaining = pending_changes::count(&mut tx, self.client.account_id(), &connection.id).await?;
        let result = ApprovalResult { remaining, ..self.result };
        let detail = json!({"done": result.applied, "outdated": result.outdated, "refused": result.refused});
        let event = Event::new(Action::ConnectionLetThrough, "connection", &connection.id, &connection.name);
        audit::record(&mut tx, self.context, event.detail(detail)).await?;
        if remaining == 0 {
            resume_connection(&mut tx, self.context, connection).await?;
        }
        tx.commit().await?;
        Ok(result)
    }
}

/// Deletes one pending change of a connection, or all, without carrying them out, and returns how many were
/// deleted. When none remains, a paused connection resumes.
pub async fn discard(
    tx: &mut Tx,
    context: &Context,
    connection: &Connection,
    only: Option<&str>,
) -> Result<u64, sqlx::Error> {
    let discarded = match only {
        Some(id) => u64::from(pending_changes::delete(tx, &context.account_id, &connection.id, id).await?),
        None => pending_changes::delete_all(tx, &context.account_id, &connection.id).await?,
    };
    let event = Event::new(Action::ConnectionDiscard, "connection", &connection.id, &connection.name);
    audit::record(tx, context, event.detail(json!({"discarded": discarded}))).await?;
    if pending_changes::count(tx, &context.account_id, &connection.id).await? == 0 {
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
