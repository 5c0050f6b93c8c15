//! Changes that wait for an administrator: in a dry run, and while a connection is paused. Each was tried, so that it
//! can be shown what it would change, and undone. The client is told to come again; what it then sends takes the
//! place of what it sent before.

mod approval;
mod store;

use axum::http::StatusCode;

use super::error::Error;
use super::http::Provisioner;
use super::trace::{AttributeChange, Trace};
use crate::directory::fold_case;
use crate::kernel::{Kernel, Timestamp, tokens};
use vestibule_scim::operation::{ScimOperation, Verb};

pub use approval::{ApprovalResult, approve, discard};
pub use store::{count, list};

/// Changes that wait for one connection at most.
const MAX_PENDING: i64 = 10_000;
/// After how many seconds a client comes again.
const RETRY_AFTER: u64 = 600;

/// Why changes wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoldReason {
    /// The connection is tried out.
    DryRun,
    /// Too many people would lose access.
    Paused,
}

/// A change that waits.
#[derive(Debug, Clone)]
pub struct PendingChange {
    /// Its id.
    pub id: String,
    pub(super) operation: ScimOperation,
    /// The name of the user or group.
    pub subject: String,
    /// What it would change, in the state in which it came.
    pub changes: Vec<AttributeChange>,
    /// How often the client came with it.
    pub attempts: i64,
    /// Why it was refused when somebody let it through.
    pub refusal: Option<String>,
    /// When it came.
    pub first_at: Timestamp,
    /// When it came last.
    pub last_at: Timestamp,
}

impl PendingChange {
    /// `POST`, `PUT`, `PATCH`, `DELETE`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.operation.verb.as_str()
    }

    /// Where it goes.
    #[must_use]
    pub fn path(&self) -> String {
        self.operation.path()
    }
}

/// Keeps an operation and returns what the client is told.
pub(super) async fn hold_for_approval(
    kernel: &Kernel,
    client: &Provisioner,
    operation: &ScimOperation,
    trace: &Trace,
    reason: HoldReason,
) -> Result<Error, Error> {
    let mut kept = operation.clone();
    // Accepted and not kept, here as elsewhere; and the version it was made for will have passed.
    kept.data.retain(|key, _| !key.eq_ignore_ascii_case("password"));
    kept.version = None;
    let mut tx = kernel.db.begin().await?;
    let has_room = store::count(&mut tx, client.account_id(), &client.connection_id).await? < MAX_PENDING;
    if has_room {
        store::upsert(&mut tx, client, &deduplication_key(&kept), &kept, trace).await?;
        tx.commit().await?;
    }
    let what = match reason {
        HoldReason::DryRun => "This connection is in a dry run",
        HoldReason::Paused => "This connection is paused, as too many people would lose access",
    };
    let then = if has_room {
        "The change was noted and not carried out; an administrator can let it through"
    } else {
        "So many changes wait that this one was not noted"
    };
    let detail = format!("{what}. {then} on the connection's page in the console.");
    Ok(Error::retry_later(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER))
}

/// What an operation does, so that it waits once however often it comes.
fn deduplication_key(operation: &ScimOperation) -> String {
    let what = match operation.verb {
        Verb::Post => fold_case(&operation.resource_name()),
        Verb::Put | Verb::Delete => operation.id.clone(),
        Verb::Patch => {
            let data = serde_json::Value::Object(operation.data.clone()).to_string();
            format!("{} {}", operation.id, tokens::hash(&data))
        }
    };
    format!("{} {} {what}", operation.verb.as_str(), operation.kind.collection_path())
}
