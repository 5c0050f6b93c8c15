//! SQL of pending changes.

use vestibule_scim::operation::ScimOperation;

use super::model::{PendingChange, StoredChange};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};
use crate::provisioning::scim::model::Provisioner;
use crate::provisioning::scim::trace::Trace;

macro_rules! columns {
    () => {
        "id, operation, subject, changes, attempts, refusal, first_at, last_at"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    operation: String,
    subject: String,
    changes: String,
    attempts: i64,
    refusal: Option<String>,
    first_at: Timestamp,
    last_at: Timestamp,
}

impl Row {
    /// Returns `None` for a row that this version cannot read. A newer version may have written it, and
    /// only that version can approve it.
    fn into_pending_change(self) -> Option<PendingChange> {
        let (Ok(operation), Ok(changes)) =
            (serde_json::from_str(&self.operation), serde_json::from_str(&self.changes))
        else {
            tracing::error!(id = self.id, "a pending SCIM change cannot be read");
            return None;
        };
        Some(PendingChange {
            operation,
            changes,
            id: self.id,
            subject: self.subject,
            attempts: self.attempts,
            refusal: self.refusal,
            first_at: self.first_at,
            last_at: self.last_at,
        })
    }
}

/// The number of pending changes of a connection.
pub async fn count(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM scim_held WHERE account_id = $1 AND connection_id = $2")
        .bind(account_id)
        .bind(connection_id)
        .fetch_one(c)
        .await
}

/// A page of a connection's pending changes, in the order of their arrival.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    after: &str,
    limit: i64,
) -> Result<Vec<PendingChange>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM scim_held WHERE account_id = $1 AND connection_id = $2 AND id > $3 ORDER BY id LIMIT $4"
    ))
    .bind(account_id)
    .bind(connection_id)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await?;
    Ok(rows.into_iter().filter_map(Row::into_pending_change).collect())
}

/// The pending change with this id of this connection.
pub(crate) async fn by_id(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    id: &str,
) -> Result<Option<PendingChange>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM scim_held WHERE account_id = $1 AND connection_id = $2 AND id = $3"
    ))
    .bind(account_id)
    .bind(connection_id)
    .bind(id)
    .fetch_optional(c)
    .await?;
    Ok(row.and_then(Row::into_pending_change))
}

/// Stores a pending change, or the latest state of one that is there. Other content has an id of its own, so that an
/// administrator approves only what they have seen.
pub(super) async fn upsert(
    tx: &mut Tx,
    client: &Provisioner,
    key: &str,
    operation: &ScimOperation,
    trace: &Trace,
) -> Result<StoredChange, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query_as(
        "INSERT INTO scim_held (id, account_id, connection_id, subject_key, operation, subject, changes, attempts, \
         first_at, last_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) ON CONFLICT (connection_id, subject_key) \
         DO UPDATE SET \
         id = CASE WHEN scim_held.operation = excluded.operation THEN scim_held.id ELSE excluded.id END, \
         attempts = CASE WHEN scim_held.operation = excluded.operation THEN scim_held.attempts + 1 ELSE 1 END, \
         operation = excluded.operation, subject = excluded.subject, changes = excluded.changes, \
         refusal = NULL, last_at = excluded.last_at \
         RETURNING id, attempts, mailed_id, mailed_at",
    )
    .bind(id)
    .bind(client.account_id())
    .bind(&client.connection_id)
    .bind(key)
    .bind(serde_json::json!(operation).to_string())
    .bind(&trace.subject)
    .bind(serde_json::json!(trace.changes).to_string())
    .bind(now)
    .fetch_one(&mut **tx)
    .await
}

/// Records that the administrators are mailed about the present content of a pending change.
pub(super) async fn set_mailed(tx: &mut Tx, account_id: &AccountId, id: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE scim_held SET mailed_id = id, mailed_at = $1 WHERE account_id = $2 AND id = $3")
        .bind(now)
        .bind(account_id)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Deletes a pending change; returns false when it was deleted before.
pub(crate) async fn delete(
    tx: &mut Tx,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    id: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM scim_held WHERE account_id = $1 AND connection_id = $2 AND id = $3")
        .bind(account_id)
        .bind(connection_id)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes all pending changes of a connection and returns how many there were.
pub(crate) async fn delete_all(
    tx: &mut Tx,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM scim_held WHERE account_id = $1 AND connection_id = $2")
        .bind(account_id)
        .bind(connection_id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

pub(crate) async fn set_refusal(
    tx: &mut Tx,
    account_id: &AccountId,
    id: &str,
    refusal: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE scim_held SET refusal = $1 WHERE account_id = $2 AND id = $3")
        .bind(refusal)
        .bind(account_id)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
