//! Accidental deletion prevention. A wrong group assignment at the identity provider can deactivate all
//! users before an administrator notices. When a connection removes access from more than a set share of
//! its users within an hour, it is paused and its changes wait for an administrator. Users created within
//! the last hour do not count, so that a test setup can be undone.

use std::time::Duration;

use serde_json::json;

use super::error::Error;
use super::model::Provisioner;
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts;
use crate::idp::connections::{self, Connection};
use crate::kernel::mail::EmailMessage;
use crate::kernel::{ConnectionId, Kernel, Tx};
use crate::signin::notifications;

/// Up to this many removals in an hour are always allowed, so that the share does not apply to a handful of
/// users.
const ALWAYS_ALLOWED: i64 = 10;
const WINDOW_MINUTES: i64 = 60;
/// Removals of users who were created within this time are not counted.
pub(super) const NEW_USER_PERIOD: Duration = Duration::from_hours(1);

/// Whether the number of removals is within the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemovalCount {
    WithinLimit,
    LimitExceeded,
}

/// Counts the removal of one user's access in this transaction.
///
/// There is one row per minute, so that a check reads at most sixty rows, however many removals there are.
pub(super) async fn record_removal(tx: &mut Tx, client: &Provisioner) -> Result<RemovalCount, sqlx::Error> {
    let limit = i64::from(client.settings.removal_limit);
    if limit == 0 {
        return Ok(RemovalCount::WithinLimit);
    }
    let minute = tx.now().0 / 60_000;
    let counted = sqlx::query(
        "UPDATE scim_removals SET removed = removed + 1 WHERE connection_id = $1 AND minute = $2",
    )
    .bind(&client.connection_id)
    .bind(minute)
    .execute(&mut **tx)
    .await?;
    if counted.rows_affected() == 0 {
        start_minute(tx, &client.connection_id, minute).await?;
    }
    let minutes: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT users, removed FROM scim_removals WHERE connection_id = $1 AND minute > $2 ORDER BY minute",
    )
    .bind(&client.connection_id)
    .bind(minute - WINDOW_MINUTES)
    .fetch_all(&mut **tx)
    .await?;
    let users = minutes.first().map_or(0, |(users, _)| *users);
    let removed: i64 = minutes.iter().map(|(_, removed)| removed).sum();
    let is_exceeded = removed > ALWAYS_ALLOWED && removed * 100 > limit * users;
    Ok(if is_exceeded { RemovalCount::LimitExceeded } else { RemovalCount::WithinLimit })
}

/// Starts the row of a minute: deletes the rows outside the window and counts the connection's active
/// users. The user who is removed in this transaction is not among them any more and is added.
async fn start_minute(tx: &mut Tx, connection_id: &ConnectionId, minute: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM scim_removals WHERE connection_id = $1 AND minute <= $2")
        .bind(connection_id)
        .bind(minute - WINDOW_MINUTES)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO scim_removals (connection_id, minute, users, removed) SELECT $1, $2, COUNT(*) + 1, 1 FROM users \
         WHERE connection_id = $1 AND active = 1 ON CONFLICT (connection_id, minute) DO UPDATE SET \
         removed = scim_removals.removed + 1",
    )
    .bind(connection_id)
    .bind(minute)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Restarts the count after an administrator's decision.
pub(super) async fn reset_counter(tx: &mut Tx, connection_id: &ConnectionId) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM scim_removals WHERE connection_id = $1")
        .bind(connection_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Pauses the client's connection and mails the administrators. Has no effect when it is paused already.
pub(super) async fn pause_connection(
    kernel: &Kernel,
    client: &Provisioner,
    context: &Context,
) -> Result<(), Error> {
    let mut tx = kernel.db.begin().await?;
    let connection = connections::by_id(&mut tx, client.account_id(), &client.connection_id).await?;
    let Some(connection) = connection else { return Ok(()) };
    if !connections::set_paused(&mut tx, &connection, true).await? {
        return Ok(());
    }
    let limit = client.settings.removal_limit;
    let event = Event::new(Action::ConnectionPause, "connection", &connection.id, &connection.name);
    audit::record(&mut tx, context, event.detail(json!({"removal_limit": limit}))).await?;
    if let Some(account) = accounts::by_id(&mut tx, client.account_id()).await? {
        let email = paused_email(kernel, &account.name, &connection, limit);
        notifications::notify_admins(kernel, &mut tx, &account, &email).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn paused_email(kernel: &Kernel, account: &str, connection: &Connection, limit: u32) -> EmailMessage {
    EmailMessage {
        subject: format!("{} is paused: too many users would lose access", connection.name),
        paragraphs: vec![
            format!(
                "{} has been paused because more than {limit}% of its users in {account} would have lost \
                 access within an hour. Changes up to this limit have been applied. Later changes are held \
                 until you review them.",
                connection.name
            ),
            "Review the pending changes. If they are correct, approve them. If not, discard them and check \
             the assignments in your identity provider."
                .into(),
        ],
        action: Some((
            "Review pending changes".into(),
            kernel.urls.absolute(&format!("/console/connections/{}/pending-changes", connection.id)),
        )),
        notes: vec!["This email was sent to all administrators of the account.".into()],
    }
}
