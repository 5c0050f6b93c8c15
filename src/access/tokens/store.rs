//! SQL of tokens.

use super::model::{ApiToken, NewToken, TokenOrigin};
use crate::directory::users::User;
use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};

macro_rules! columns {
    () => {
        "id, owner_kind, owner_id, purpose, connection_id, application_id, parent_id, second_factor, name, hint, created_at, expires_at, \
         revoked_at, last_used_at"
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
    let (parent_id, second_factor) = match new.origin {
        TokenOrigin::Operator => (None, 0),
        TokenOrigin::Session { second_factor } => (None, i32::from(second_factor)),
        TokenOrigin::Token(parent) => (Some(parent.id.as_str()), parent.second_factor),
    };
    sqlx::query_as(concat!(
        "INSERT INTO api_tokens (id, account_id, owner_kind, owner_id, owner_epoch, purpose, connection_id, name, \
         hint, hash, created_at, expires_at, parent_id, second_factor, application_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING ",
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
    .bind(parent_id)
    .bind(second_factor)
    .bind(new.application_id)
    .fetch_one(&mut **tx)
    .await
}

/// Revokes a token and all that were made with it. Returns false when that had been done before.
pub(super) async fn revoke(tx: &mut Tx, account_id: &AccountId, id: &str) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE api_tokens SET revoked_at = $1 WHERE account_id = $2 AND revoked_at IS NULL AND id IN ( \
         WITH RECURSIVE made (id) AS (SELECT id FROM api_tokens WHERE account_id = $2 AND id = $3 \
         UNION SELECT t.id FROM api_tokens t JOIN made m ON t.parent_id = m.id) SELECT id FROM made)",
    )
    .bind(now)
    .bind(account_id)
    .bind(id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether the token with this id and all that it was made with are valid: neither revoked nor expired, each with an
/// owner who is active and in its epoch.
pub(super) async fn is_chain_valid(
    c: &mut DbConn,
    account_id: &AccountId,
    id: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let (links, roots, valid): (i64, i64, i64) = sqlx::query_as(
        "WITH RECURSIVE chain (id, parent_id) AS (SELECT id, parent_id FROM api_tokens WHERE id = $1 \
         UNION SELECT t.id, t.parent_id FROM api_tokens t JOIN chain c ON t.id = c.parent_id) \
         SELECT (SELECT COUNT(*) FROM chain), (SELECT COUNT(*) FROM chain WHERE parent_id IS NULL), \
         (SELECT COUNT(*) FROM chain c JOIN api_tokens t ON t.id = c.id \
         LEFT JOIN users u ON t.owner_kind = 'user' AND u.id = t.owner_id AND u.active = 1 AND u.epoch = t.owner_epoch \
         LEFT JOIN service_accounts s ON t.owner_kind = 'service_account' AND s.id = t.owner_id \
         WHERE t.account_id = $2 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $3) \
         AND (u.id IS NOT NULL OR s.id IS NOT NULL))",
    )
    .bind(id)
    .bind(account_id)
    .bind(now)
    .fetch_one(c)
    .await?;
    Ok(links == valid && roots == 1)
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

/// Takes the API tokens of `user` over to the epoch that the user has just entered. Those that were void before stay
/// so.
pub async fn carry_over(tx: &mut Tx, user: &User) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE api_tokens SET owner_epoch = $1 WHERE account_id = $2 AND owner_kind = 'user' AND owner_id = $3 \
         AND owner_epoch = $4",
    )
    .bind(user.epoch)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(user.epoch - 1)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Marks the API tokens of `user` that are of an earlier epoch as revoked, so that lists do not show them as active.
pub async fn revoke_void(tx: &mut Tx, user: &User) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "UPDATE api_tokens SET revoked_at = $1 WHERE account_id = $2 AND owner_kind = 'user' AND owner_id = $3 \
         AND owner_epoch < $4 AND revoked_at IS NULL",
    )
    .bind(now)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(user.epoch)
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
