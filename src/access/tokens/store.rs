//! SQL of tokens.

use super::model::{ApiToken, NewToken};
use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};

macro_rules! columns {
    () => {
        "id, owner_kind, owner_id, purpose, connection_id, name, hint, created_at, expires_at, revoked_at, last_used_at"
    };
}

/// A page of the account's tokens, of one owner when `owner` is given.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    owner: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<ApiToken>, sqlx::Error> {
    let mut all = Conditions::default();
    all.text("account_id = ?", account_id);
    if let Some(owner) = owner {
        all.text("owner_id = ?", owner);
    }
    all.text("id > ?", after);
    let tail = format!("ORDER BY id LIMIT {limit}");
    all.bind_as(all.sql(concat!("SELECT ", columns!(), " FROM api_tokens"), &tail)).fetch_all(c).await
}

/// The tokens of a connection, oldest first.
pub async fn of_connection(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<Vec<ApiToken>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM api_tokens WHERE account_id = $1 AND connection_id = $2 ORDER BY id"
    ))
    .bind(account_id)
    .bind(connection_id)
    .fetch_all(c)
    .await
}

/// The token with this id in this account.
pub async fn by_id(
    c: &mut DbConn,
    account_id: &AccountId,
    id: &str,
) -> Result<Option<ApiToken>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM api_tokens WHERE account_id = $1 AND id = $2"))
        .bind(account_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

pub(super) async fn insert(
    tx: &mut Tx,
    account_id: &AccountId,
    new: &NewToken<'_>,
    hint: &str,
    hash: &str,
) -> Result<ApiToken, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query_as(concat!(
        "INSERT INTO api_tokens (id, account_id, owner_kind, owner_id, owner_epoch, purpose, connection_id, name, \
         hint, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ",
        columns!()
    ))
    .bind(id)
    .bind(account_id)
    .bind(new.owner.kind.as_str())
    .bind(new.owner.id)
    .bind(new.owner.epoch)
    .bind(new.purpose.as_str())
    .bind(new.connection_id)
    .bind(new.name)
    .bind(hint)
    .bind(hash)
    .bind(now)
    .bind(new.expires_at)
    .fetch_one(&mut **tx)
    .await
}

pub(super) async fn revoke(tx: &mut Tx, account_id: &AccountId, id: &str) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE api_tokens SET revoked_at = $1 WHERE account_id = $2 AND id = $3 AND revoked_at IS NULL",
    )
    .bind(now)
    .bind(account_id)
    .bind(id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn expire(
    tx: &mut Tx,
    account_id: &AccountId,
    id: &str,
    end: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE api_tokens SET expires_at = $1 WHERE account_id = $2 AND id = $3")
        .bind(end)
        .bind(account_id)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn touch(tx: &mut Tx, id: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE api_tokens SET last_used_at = $1 WHERE id = $2")
        .bind(now)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
