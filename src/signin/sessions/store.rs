//! The SQL of sessions.

use super::model::Session;
use crate::kernel::database::Connection;
use crate::kernel::{Timestamp, Tx};

macro_rules! columns {
    () => {
        "s.id, s.user_id, s.method, s.address, s.user_agent, s.created_at, s.last_seen_at"
    };
}

/// A session to be written.
pub(super) struct NewSession<'a> {
    pub(super) account_id: &'a str,
    pub(super) user_id: &'a str,
    pub(super) user_epoch: i64,
    pub(super) hash: &'a str,
    pub(super) method: &'a str,
    pub(super) connection_id: Option<&'a str>,
    pub(super) amr: String,
    pub(super) acr: &'a str,
    pub(super) address: String,
    pub(super) user_agent: &'a str,
    pub(super) idle_ends_at: Timestamp,
    pub(super) ends_at: Timestamp,
}

pub(super) async fn insert(tx: &mut Tx, new: &NewSession<'_>) -> Result<String, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query(
        "INSERT INTO sessions (id, account_id, user_id, user_epoch, hash, method, connection_id, amr, acr, address, \
         user_agent, created_at, last_seen_at, idle_ends_at, ends_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)",
    )
    .bind(&id)
    .bind(new.account_id)
    .bind(new.user_id)
    .bind(new.user_epoch)
    .bind(new.hash)
    .bind(new.method)
    .bind(new.connection_id)
    .bind(&new.amr)
    .bind(new.acr)
    .bind(&new.address)
    .bind(new.user_agent)
    .bind(now)
    .bind(new.idle_ends_at)
    .bind(new.ends_at)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// A live session with what authentication needs to know of its user, in one look-up.
#[derive(sqlx::FromRow)]
pub(super) struct Live {
    pub(super) id: String,
    pub(super) account_id: String,
    pub(super) user_id: String,
    pub(super) user_name: String,
    pub(super) amr: String,
    pub(super) acr: String,
    pub(super) last_seen_at: Timestamp,
    pub(super) roles: Option<String>,
}

pub(super) async fn live(
    c: &mut Connection,
    hash: &str,
    now: Timestamp,
) -> Result<Option<Live>, sqlx::Error> {
    sqlx::query_as(
        "SELECT s.id, s.account_id, s.user_id, u.user_name, s.amr, s.acr, s.last_seen_at, \
         (SELECT string_agg(b.role, ' ') FROM role_bindings b WHERE b.principal_id = s.user_id) AS roles \
         FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.hash = $1 AND s.idle_ends_at > $2 AND s.ends_at > $2 AND u.active = 1 AND u.epoch = s.user_epoch",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(c)
    .await
}

pub(super) async fn touch(tx: &mut Tx, id: &str, idle_ends_at: Timestamp) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE sessions SET last_seen_at = $1, idle_ends_at = $2 WHERE id = $3")
        .bind(now)
        .bind(idle_ends_at)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// The live sessions of a user, most recently used first.
///
/// # Errors
/// The database's.
pub async fn of_user(
    c: &mut Connection,
    account_id: &str,
    user_id: &str,
    now: Timestamp,
) -> Result<Vec<Session>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.account_id = $1 AND s.user_id = $2 \
         AND s.idle_ends_at > $3 AND s.ends_at > $3 AND u.epoch = s.user_epoch \
         ORDER BY s.last_seen_at DESC, s.id DESC LIMIT 100"
    ))
    .bind(account_id)
    .bind(user_id)
    .bind(now)
    .fetch_all(c)
    .await
}

/// The session with this id, if it is this user's.
///
/// # Errors
/// The database's.
pub async fn by_id(c: &mut Connection, user_id: &str, id: &str) -> Result<Option<Session>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM sessions s WHERE s.user_id = $1 AND s.id = $2"))
        .bind(user_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

pub(super) async fn delete(tx: &mut Tx, user_id: &str, id: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id = $2")
        .bind(user_id)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

pub(super) async fn delete_all(tx: &mut Tx, user_id: &str, except: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
        .bind(user_id)
        .bind(except)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Removes sessions that ended by themselves.
///
/// # Errors
/// The database's.
pub async fn delete_ended(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let done =
        sqlx::query("DELETE FROM sessions WHERE idle_ends_at <= $1").bind(now).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}
