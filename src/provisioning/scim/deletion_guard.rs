//! The guard against a directory that loses its people: a wrong group in the identity provider, and everybody is
//! deactivated before somebody notices. Too many within an hour, and the connection waits for an administrator. Who
//! came within the hour may go again: that is somebody trying out.

use std::time::Duration;

use serde_json::json;

use super::error::Error;
use super::model::Provisioner;
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts;
use crate::idp::connections::{self, Connection};
use crate::kernel::mail::EmailMessage;
use crate::kernel::{Kernel, Tx};
use crate::signin::notifications;

/// So many may always lose access in an hour: a share of few is nobody's accident.
const ALWAYS_ALLOWED: i64 = 10;
const WINDOW_MINUTES: i64 = 60;
/// Those who came within this time are not counted when they go.
pub(super) const NEW_USER_PERIOD: Duration = Duration::from_hours(1);

/// Whether those who lost access are still few enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemovalCount {
    WithinLimit,
    LimitExceeded,
}

/// Counts somebody who loses access in this unit of work. One row for each minute, so
/// that a count looks at sixty rows at most, however many there are.
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

/// Once a minute: forgets what is over, and counts who there is. The one who goes in this unit of work is gone
/// already, and counts.
async fn start_minute(tx: &mut Tx, connection_id: &str, minute: i64) -> Result<(), sqlx::Error> {
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

/// Begins to count anew: an administrator has looked.
pub(super) async fn reset_counter(tx: &mut Tx, connection_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM scim_removals WHERE connection_id = $1")
        .bind(connection_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Pauses the client's connection and tells the administrators; whoever comes second does neither.
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
    kernel.mail_wake.notify_one();
    Ok(())
}

fn paused_email(kernel: &Kernel, account: &str, connection: &Connection, limit: u32) -> EmailMessage {
    EmailMessage {
        subject: format!("{} is paused: it would take access from many people", connection.name),
        paragraphs: vec![
            format!(
                "Within an hour, {} has deactivated or removed more than {limit} of 100 users of {account}. Changes it \
                 sends from now on are kept and not carried out until you decide.",
                connection.name
            ),
            "Look at what waits. If it is right, let it through. If not, discard it, and look in your identity \
             provider at who is assigned to the application."
                .into(),
        ],
        action: Some((
            "Look at what waits".into(),
            kernel.urls.absolute(&format!("/console/connections/{}/waiting", connection.id)),
        )),
        notes: vec!["All administrators of the account get this mail.".into()],
    }
}
