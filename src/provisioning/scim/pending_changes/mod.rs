//! Changes that wait for an administrator's approval: in a dry run, while a connection is paused, and whenever they are
//! about a user with a role. Each was executed, to record what it would change, and rolled back. The client is told
//! to retry; a retry replaces the change that is stored.

mod model;
mod store;

use axum::http::StatusCode;
use serde_json::json;
use vestibule_scim::operation::{ScimOperation, Verb};

use super::error::Error;
use super::model::{HoldReason, Provisioner};
use super::trace::Trace;
use crate::audit::{self, Action, Context, Event};
use crate::directory::{accounts, fold_case};
use crate::kernel::mail::EmailMessage;
use crate::kernel::{Kernel, Tx, tokens};
use crate::signin::notifications;

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
            HoldReason::RoleHolder => {
                "This user has a role in Vestibule, so an administrator decides on changes of the email address, the \
                 username and the status"
            }
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
    context: &Context,
    operation: &ScimOperation,
    trace: &Trace,
    reason: HoldReason,
) -> Result<HeldChange, Error> {
    let mut kept = operation.clone();
    // Passwords are accepted and never stored. The version is dropped because it will be outdated by the
    // time of the approval.
    kept.data.retain(|key, _| !key.eq_ignore_ascii_case("password"));
    kept.version = None;
    let mut tx = kernel.db.begin().await?;
    let is_noted = store::count(&mut tx, client.account_id(), &client.connection_id).await? < MAX_PENDING;
    if is_noted {
        let stored = store::upsert(&mut tx, client, &deduplication_key(&kept), &kept, trace).await?;
        if reason == HoldReason::RoleHolder {
            if stored.attempts == 1 {
                record_held_change(&mut tx, client, context, &kept, trace).await?;
            }
            if stored.is_mail_due(tx.now()) {
                mail_held_change(kernel, &mut tx, client, &trace.subject).await?;
                store::set_mailed(&mut tx, client.account_id(), &stored.id).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(HeldChange { is_noted })
}

/// Records that a change about a user with a role waits. A retry is not recorded again.
async fn record_held_change(
    tx: &mut Tx,
    client: &Provisioner,
    context: &Context,
    operation: &ScimOperation,
    trace: &Trace,
) -> Result<(), Error> {
    let attributes: Vec<&str> = trace.changes.iter().map(|change| change.attribute.as_str()).collect();
    let detail = json!({"connection": client.connection_id, "method": operation.verb.as_str(),
        "attributes": attributes});
    let event = Event::new(Action::UserChangeHeld, "user", &operation.id, &trace.subject);
    Ok(audit::record(tx, context, event.detail(detail)).await?)
}

/// Mails the administrators that a change of `subject` waits.
async fn mail_held_change(
    kernel: &Kernel,
    tx: &mut Tx,
    client: &Provisioner,
    subject: &str,
) -> Result<(), Error> {
    if let Some(account) = accounts::by_id(tx, client.account_id()).await? {
        let email = held_change_email(kernel, &account.name, client, subject);
        notifications::notify_admins(kernel, tx, &account, &email).await?;
    }
    Ok(())
}

fn held_change_email(kernel: &Kernel, account: &str, client: &Provisioner, subject: &str) -> EmailMessage {
    let connection = &client.connection_name;
    EmailMessage {
        subject: format!("A change to {subject} needs your approval"),
        paragraphs: vec![
            format!(
                "{connection} sent a change to the email address, the username or the status of {subject} in \
                 {account}, or deleted the user. The user has a role, so the change has not been applied."
            ),
            "Review the pending change. If it is correct, approve it. If not, discard it and check who can \
             change users in your identity provider."
                .into(),
        ],
        action: Some((
            "Review pending changes".into(),
            kernel.urls.absolute(&format!("/console/connections/{}/pending-changes", client.connection_id)),
        )),
        notes: vec!["This email was sent to all administrators of the account.".into()],
    }
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
