//! SQL of signing keys.

use super::model::{SigningKey, SigningKeyState};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Timestamp, Tx};

macro_rules! columns {
    () => {
        "id, state, algorithm, public_jwk, created_at, activated_at, retired_at"
    };
}

/// The account's keys, oldest first.
pub async fn list(c: &mut DbConn, account_id: &AccountId) -> Result<Vec<SigningKey>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM signing_keys WHERE account_id = $1 ORDER BY created_at, id"
    ))
    .bind(account_id)
    .fetch_all(c)
    .await
}

/// The active key's private part.
#[derive(sqlx::FromRow)]
pub(super) struct ActiveKey {
    pub(super) id: String,
    pub(super) private_key: String,
}

pub(super) async fn active(c: &mut DbConn, account_id: &AccountId) -> Result<Option<ActiveKey>, sqlx::Error> {
    sqlx::query_as("SELECT id, private_key FROM signing_keys WHERE account_id = $1 AND state = $2")
        .bind(account_id)
        .bind(SigningKeyState::Active.as_str())
        .fetch_optional(c)
        .await
}

/// A new row of `signing_keys`.
pub(super) struct NewSigningKey {
    pub(super) id: String,
    pub(super) state: SigningKeyState,
    pub(super) public_jwk: String,
    pub(super) private_key: String,
}

/// Inserts a key, unless the account has one in this state.
pub(super) async fn insert(
    tx: &mut Tx,
    account_id: &AccountId,
    key: &NewSigningKey,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    let activated_at = (key.state == SigningKeyState::Active).then_some(now);
    sqlx::query(
        "INSERT INTO signing_keys (id, account_id, state, algorithm, public_jwk, private_key, created_at, activated_at) \
         VALUES ($1, $2, $3, 'ES256', $4, $5, $6, $7) ON CONFLICT DO NOTHING",
    )
    .bind(&key.id)
    .bind(account_id)
    .bind(key.state.as_str())
    .bind(&key.public_jwk)
    .bind(&key.private_key)
    .bind(now)
    .bind(activated_at)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Retires the active key and activates the next one.
pub(super) async fn advance(tx: &mut Tx, account_id: &AccountId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    for (sql, to, from) in [
        (
            "UPDATE signing_keys SET state = $1, retired_at = $2 WHERE account_id = $3 AND state = $4",
            SigningKeyState::Retired,
            SigningKeyState::Active,
        ),
        (
            "UPDATE signing_keys SET state = $1, activated_at = $2 WHERE account_id = $3 AND state = $4",
            SigningKeyState::Active,
            SigningKeyState::Next,
        ),
    ] {
        sqlx::query(sql)
            .bind(to.as_str())
            .bind(now)
            .bind(account_id)
            .bind(from.as_str())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Deletes keys that were retired before this time.
pub(super) async fn delete_retired(
    tx: &mut Tx,
    account_id: &AccountId,
    before: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM signing_keys WHERE account_id = $1 AND state = $2 AND retired_at < $3")
        .bind(account_id)
        .bind(SigningKeyState::Retired.as_str())
        .bind(before)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// The accounts whose active key has been signing since before this time.
pub(super) async fn due(c: &mut DbConn, before: Timestamp) -> Result<Vec<AccountId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT account_id FROM signing_keys WHERE state = $1 AND activated_at < $2 ORDER BY account_id LIMIT 100",
    )
    .bind(SigningKeyState::Active.as_str())
    .bind(before)
    .fetch_all(c)
    .await
}
