//! SQL of sessions at applications, and of proxies that are not trusted.

use std::net::IpAddr;
use std::time::Duration;

use crate::apps::Application;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Timestamp, Tx};

/// A new session at an application.
#[derive(Debug, Clone, Copy)]
pub struct NewApplicationSession<'a> {
    /// The host that its cookie belongs to.
    pub host: &'a str,
    /// The session at this server that it is derived from.
    pub session_id: &'a str,
    /// The secret in the cookie that the browser has at this host already.
    pub presented: Option<&'a str>,
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

/// Inserts a session, unless the same session at this server has one at this host already.
pub(super) async fn insert(
    tx: &mut Tx,
    app: &Application,
    new: &NewApplicationSession<'_>,
    id: &str,
    hash: &str,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "INSERT INTO app_sessions (id, account_id, app_id, host, session_id, hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (session_id, app_id, host) DO NOTHING",
    )
    .bind(id)
    .bind(&app.account_id)
    .bind(&app.id)
    .bind(new.host)
    .bind(new.session_id)
    .bind(hash)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives the session that [`insert`] has found another id and secret. The ones from before are useless.
pub(super) async fn replace(
    tx: &mut Tx,
    app: &Application,
    new: &NewApplicationSession<'_>,
    id: &str,
    hash: &str,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "UPDATE app_sessions SET id = $1, hash = $2, created_at = $3 \
         WHERE account_id = $4 AND app_id = $5 AND host = $6 AND session_id = $7",
    )
    .bind(id)
    .bind(hash)
    .bind(now)
    .bind(&app.account_id)
    .bind(&app.id)
    .bind(new.host)
    .bind(new.session_id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Deletes the sessions at all applications that are derived from this session.
pub(super) async fn delete_derived(
    tx: &mut Tx,
    account_id: &AccountId,
    session_id: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM app_sessions WHERE account_id = $1 AND session_id = $2")
        .bind(account_id)
        .bind(session_id)
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

/// What an address has forwarded that is not trusted. Anybody who reaches the port can send the headers of a
/// proxy. A real one is told apart by what it does: it forwards for a registered application, and more than
/// others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntrustedProxy {
    /// Its address.
    pub address: IpAddr,
    /// How many requests it has forwarded.
    pub requests: i64,
    /// Whether one of them was about a host of the application that it asked for.
    pub for_application: bool,
}

#[derive(sqlx::FromRow)]
struct UntrustedProxyRow {
    address: String,
    requests: i64,
    for_application: i32,
}

/// How long an address is reported after it was last seen.
const REPORTED: Duration = Duration::from_hours(7 * 24);

/// Adds to what addresses have forwarded. They are in order, so that two nodes cannot deadlock.
pub async fn record_untrusted_proxies(tx: &mut Tx, mut seen: Vec<UntrustedProxy>) -> Result<(), sqlx::Error> {
    let now = tx.now();
    seen.sort_unstable_by_key(|proxy| proxy.address);
    for proxy in &seen {
        sqlx::query(
            "INSERT INTO untrusted_proxies (address, seen_at, requests, for_application) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (address) DO UPDATE SET seen_at = excluded.seen_at, \
             requests = untrusted_proxies.requests + excluded.requests, for_application = \
             CASE WHEN excluded.for_application = 1 THEN 1 ELSE untrusted_proxies.for_application END",
        )
        .bind(proxy.address.to_string())
        .bind(now)
        .bind(proxy.requests)
        .bind(i32::from(proxy.for_application))
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// The addresses that were seen lately and are most likely to be proxies, the likeliest first.
pub async fn untrusted_proxies(c: &mut DbConn, now: Timestamp) -> Result<Vec<UntrustedProxy>, sqlx::Error> {
    let rows: Vec<UntrustedProxyRow> = sqlx::query_as(
        "SELECT address, requests, for_application FROM untrusted_proxies WHERE seen_at > $1 \
         ORDER BY for_application DESC, requests DESC, seen_at DESC, address LIMIT 20",
    )
    .bind(now.minus(REPORTED))
    .fetch_all(c)
    .await?;
    let proxy = |row: UntrustedProxyRow| {
        let address = row.address.parse().ok()?;
        Some(UntrustedProxy { address, requests: row.requests, for_application: row.for_application != 0 })
    };
    Ok(rows.into_iter().filter_map(proxy).collect())
}

/// Deletes addresses that are reported no longer, and all but the 100 that are most likely to be proxies.
pub async fn forget_untrusted_proxies(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let old = tx.now().minus(REPORTED);
    sqlx::query(
        "DELETE FROM untrusted_proxies WHERE seen_at <= $1 OR address NOT IN (SELECT address FROM untrusted_proxies \
         ORDER BY for_application DESC, requests DESC, seen_at DESC, address LIMIT 100)",
    )
    .bind(old)
    .execute(&mut **tx)
    .await
    .map(drop)
}
