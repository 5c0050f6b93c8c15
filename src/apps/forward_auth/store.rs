//! SQL of sessions at applications, and of proxies that are not trusted.

use std::time::Duration;

use crate::apps::Application;
use crate::kernel::database::DbConn;
use crate::kernel::{Timestamp, Tx};

/// A new session at an application.
#[derive(Debug, Clone, Copy)]
pub struct NewApplicationSession<'a> {
    /// The host that its cookie belongs to.
    pub host: &'a str,
    /// The session at this server that it is derived from.
    pub session_id: &'a str,
}

#[derive(sqlx::FromRow)]
pub(super) struct SessionRow {
    pub(super) host: String,
    pub(super) hash: String,
    pub(super) session_id: String,
}

pub(super) async fn session(
    c: &mut DbConn,
    app: &Application,
    id: &str,
) -> Result<Option<SessionRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT host, hash, session_id FROM app_sessions WHERE account_id = $1 AND app_id = $2 AND id = $3",
    )
    .bind(&app.account_id)
    .bind(&app.id)
    .bind(id)
    .fetch_optional(c)
    .await
}

pub(super) async fn insert(
    tx: &mut Tx,
    app: &Application,
    new: &NewApplicationSession<'_>,
    id: &str,
    hash: &str,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO app_sessions (id, account_id, app_id, host, session_id, hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(&app.account_id)
    .bind(&app.id)
    .bind(new.host)
    .bind(new.session_id)
    .bind(hash)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Deletes the sessions at applications whose session at this server is gone. They are refused before that.
pub async fn delete_ended(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM app_sessions WHERE account_id IN (SELECT id FROM accounts) \
         AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = app_sessions.session_id)",
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Records that a proxy at this address is not trusted, for `vestibule doctor`.
pub async fn record_untrusted_proxy(tx: &mut Tx, address: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO untrusted_proxies (address, seen_at) VALUES ($1, $2) \
         ON CONFLICT (address) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .bind(address)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// How long an address is reported after it was last seen.
const REPORTED: Duration = Duration::from_hours(7 * 24);

/// The addresses of proxies that were seen lately and are not trusted.
pub async fn untrusted_proxies(c: &mut DbConn, now: Timestamp) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT address FROM untrusted_proxies WHERE seen_at > $1 ORDER BY address LIMIT 20")
        .bind(now.minus(REPORTED))
        .fetch_all(c)
        .await
}

/// Deletes addresses that are reported no longer.
pub async fn forget_old_untrusted_proxies(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let old = tx.now().minus(REPORTED);
    sqlx::query("DELETE FROM untrusted_proxies WHERE seen_at <= $1")
        .bind(old)
        .execute(&mut **tx)
        .await
        .map(drop)
}
