//! Changes that wait for an administrator's approval, in a dry run and while a connection is paused. Each
//! was executed, to record what it would change, and rolled back. The client is told to retry; a retry
//! replaces the change that is stored.

mod model;
mod store;

use axum::http::StatusCode;
use vestibule_scim::operation::{ScimOperation, Verb};

use super::error::Error;
use super::model::{HoldReason, Provisioner};
use super::trace::Trace;
use crate::directory::fold_case;
use crate::kernel::{Kernel, tokens};

pub use model::PendingChange;
pub(super) use store::{by_id, delete, delete_all, set_refusal};
pub use store::{count, list};

/// The limit on pending changes per connection.
const MAX_PENDING: i64 = 10_000;
/// Seconds after which a client should retry.
const RETRY_AFTER: u64 = 600;

/// The outcome of storing a pending change.
pub(super) struct HeldChange {
    /// Whether the change was stored, which the limit may prevent.
    is_noted: bool,
}

impl HeldChange {
    /// The response to the client.
    pub(super) fn into_error(self, reason: HoldReason) -> Error {
        let what = match reason {
            HoldReason::DryRun => "This connection is in a dry run",
            HoldReason::Paused => "This connection is paused because too many users would lose access",
        };
        let then = if self.is_noted {
            "The change was held and not applied; an administrator can approve it"
        } else {
            "The change was not held because too many changes are pending; an administrator can review them"
        };
        let detail = format!("{what}. {then} on the connection's page in the console.");
        Error::retry_later(StatusCode::SERVICE_UNAVAILABLE, detail, RETRY_AFTER)
    }
}

/// Stores an operation that was executed and rolled back. `trace` contains what it would change.
pub(super) async fn hold_for_approval(
    kernel: &Kernel,
    client: &Provisioner,
    operation: &ScimOperation,
    trace: &Trace,
) -> Result<HeldChange, sqlx::Error> {
    let mut kept = operation.clone();
    // Passwords are accepted and never stored. The version is dropped because it will be outdated by the
    // time of the approval.
    kept.data.retain(|key, _| !key.eq_ignore_ascii_case("password"));
    kept.version = None;
    let mut tx = kernel.db.begin().await?;
    let is_noted = store::count(&mut tx, client.account_id(), &client.connection_id).await? < MAX_PENDING;
    if is_noted {
        store::upsert(&mut tx, client, &deduplication_key(&kept), &kept, trace).await?;
        tx.commit().await?;
    }
    Ok(HeldChange { is_noted })
}

/// Identifies an operation by its effect, so that a retry replaces the stored change.
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
