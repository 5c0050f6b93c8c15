//! SQL of key pairs.

use super::model::{KeyPair, KeyState, NewKey};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};

/// The key pairs of a connection: signing keys before encryption keys, each active, then next, then
/// retiring.
pub async fn of_connection(
    c: &mut DbConn,
    connection_id: &ConnectionId,
) -> Result<Vec<KeyPair>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, purpose, state, certificate, sealed_key, created_at, retires_at FROM saml_keys \
         WHERE connection_id = $1 \
         ORDER BY purpose DESC, CASE state WHEN 'active' THEN 0 WHEN 'next' THEN 1 ELSE 2 END",
    )
    .bind(connection_id)
    .fetch_all(c)
    .await
}

pub(super) async fn insert(
    tx: &mut Tx,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    key: &NewKey,
    state: KeyState,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO saml_keys (id, account_id, connection_id, purpose, state, certificate, sealed_key, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&key.id)
    .bind(account_id)
    .bind(connection_id)
    .bind(key.purpose.as_str())
    .bind(state.as_str())
    .bind(&key.certificate)
    .bind(&key.sealed_key)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Deletes the keys in this state and returns their number.
pub(super) async fn remove(
    tx: &mut Tx,
    connection_id: &ConnectionId,
    state: KeyState,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM saml_keys WHERE connection_id = $1 AND state = $2")
        .bind(connection_id)
        .bind(state.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Moves the keys in one state to another and returns their number.
pub(super) async fn change_state(
    tx: &mut Tx,
    connection_id: &ConnectionId,
    from: KeyState,
    to: KeyState,
    retires_at: Option<Timestamp>,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE saml_keys SET state = $1, retires_at = $2 WHERE connection_id = $3 AND state = $4",
    )
    .bind(to.as_str())
    .bind(retires_at)
    .bind(connection_id)
    .bind(from.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
