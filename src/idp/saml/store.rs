//! The SQL of SAML: assertions that were used.

use crate::kernel::{Timestamp, Tx};

/// Remembers an assertion until it would be refused for its age anyway; false when it was used before.
pub(super) async fn remember(
    tx: &mut Tx,
    connection_id: &str,
    assertion_id: &str,
    until: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO saml_replays (connection_id, assertion_id, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(connection_id)
    .bind(assertion_id)
    .bind(until)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets assertions that are too old to be accepted.
///
/// # Errors
/// The database's.
pub async fn delete_expired_replays(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let done =
        sqlx::query("DELETE FROM saml_replays WHERE expires_at <= $1").bind(now).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}
