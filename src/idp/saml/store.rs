//! SQL of SAML: pending logouts and the status of metadata.

use std::time::Duration;

use crate::idp::connections::Connection;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};

/// Stores a logout that waits for its response.
pub(super) async fn insert_pending_logout(
    tx: &mut Tx,
    connection_id: &ConnectionId,
    request_id: &str,
    until: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO saml_logouts (request_id, connection_id, expires_at) VALUES ($1, $2, $3)")
        .bind(request_id)
        .bind(connection_id)
        .bind(until)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Deletes the pending logout that was answered. Returns false if there is none, or if it has expired.
pub(super) async fn consume_pending_logout(
    tx: &mut Tx,
    connection_id: &ConnectionId,
    request_id: &str,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "DELETE FROM saml_logouts WHERE request_id = $1 AND connection_id = $2 AND expires_at > $3",
    )
    .bind(request_id)
    .bind(connection_id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The status of reading a connection's metadata.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MetadataStatus {
    /// The connection.
    pub connection_id: ConnectionId,
    /// The account it belongs to.
    pub account_id: AccountId,
    pub(super) etag: Option<String>,
    /// When the metadata was last read, or found to be unchanged.
    pub fetched_at: Option<Timestamp>,
    /// When it is read next.
    pub next_at: Timestamp,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Since when attempts have failed.
    pub failing_since: Option<Timestamp>,
    pub(super) warned: Option<String>,
}

macro_rules! watch_columns {
    () => {
        "connection_id, account_id, etag, fetched_at, next_at, error, failing_since, warned"
    };
}

/// The interval between two successful readings.
pub(super) const REFRESH_EVERY: Duration = Duration::from_hours(6);

/// Records that the metadata was read just now.
pub(super) async fn record_metadata_read(
    tx: &mut Tx,
    connection: &Connection,
    etag: Option<&str>,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO saml_metadata (connection_id, account_id, etag, fetched_at, next_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (connection_id) DO UPDATE SET etag = excluded.etag, fetched_at = excluded.fetched_at, \
         next_at = excluded.next_at, error = NULL, failing_since = NULL",
    )
    .bind(&connection.id)
    .bind(&connection.account_id)
    .bind(etag)
    .bind(now)
    .bind(now.plus(REFRESH_EVERY))
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The status of reading a connection's metadata.
pub async fn metadata_status_of(
    c: &mut DbConn,
    connection_id: &ConnectionId,
) -> Result<Option<MetadataStatus>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", watch_columns!(), " FROM saml_metadata WHERE connection_id = $1"))
        .bind(connection_id)
        .fetch_optional(c)
        .await
}

/// Claims a connection that is due for the time `lease`, so that no other node refreshes it meanwhile. If
/// this node is killed, the claim expires and another node takes over.
pub(super) async fn lease_due_metadata(
    tx: &mut Tx,
    lease: Duration,
) -> Result<Option<MetadataStatus>, sqlx::Error> {
    let now = tx.now();
    let due: Option<MetadataStatus> = sqlx::query_as(concat!(
        "SELECT ",
        watch_columns!(),
        " FROM saml_metadata WHERE next_at <= $1 ORDER BY next_at LIMIT 1"
    ))
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(due) = due else { return Ok(None) };
    let taken =
        sqlx::query("UPDATE saml_metadata SET next_at = $1 WHERE connection_id = $2 AND next_at = $3")
            .bind(now.plus(lease))
            .bind(&due.connection_id)
            .bind(due.next_at)
            .execute(&mut **tx)
            .await?;
    Ok((taken.rows_affected() == 1).then_some(due))
}

/// Stores the outcome of an attempt.
pub(super) async fn save_metadata_status(tx: &mut Tx, status: &MetadataStatus) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE saml_metadata SET etag = $1, fetched_at = $2, next_at = $3, error = $4, failing_since = $5, \
         warned = $6 WHERE connection_id = $7",
    )
    .bind(status.etag.as_deref())
    .bind(status.fetched_at)
    .bind(status.next_at)
    .bind(status.error.as_deref())
    .bind(status.failing_since)
    .bind(status.warned.as_deref())
    .bind(&status.connection_id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Deletes expired message ids, pending logouts and retired keys.
pub async fn delete_expired(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    for sql in [
        "DELETE FROM saml_replays WHERE expires_at <= $1",
        "DELETE FROM saml_logouts WHERE expires_at <= $1",
        "DELETE FROM saml_keys WHERE retires_at <= $1",
    ] {
        sqlx::query(sql).bind(now).execute(&mut **tx).await?;
    }
    Ok(())
}
