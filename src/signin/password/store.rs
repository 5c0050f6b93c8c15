//! The SQL of passwords.

use crate::kernel::database::Connection;
use crate::kernel::{Timestamp, Tx};

pub(super) async fn hash_of(c: &mut Connection, user_id: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT hash FROM passwords WHERE user_id = $1").bind(user_id).fetch_optional(c).await
}

/// When the user's password was set; none for users without one.
///
/// # Errors
/// The database's.
pub async fn changed_at(c: &mut Connection, user_id: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    sqlx::query_scalar("SELECT changed_at FROM passwords WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(c)
        .await
}

pub(super) async fn put(tx: &mut Tx, account_id: &str, user_id: &str, hash: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO passwords (user_id, account_id, hash, changed_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
    )
    .bind(user_id)
    .bind(account_id)
    .bind(hash)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}
