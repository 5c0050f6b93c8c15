//! SQL of import checkpoints.

use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Tx};

/// How many rows of an import have been committed.
#[derive(Debug, Clone, Copy, Default, sqlx::FromRow)]
pub(super) struct Checkpoint {
    pub(super) rows_done: i64,
    pub(super) created: i64,
    pub(super) refused: i64,
}

pub(super) async fn find_checkpoint(c: &mut DbConn, key: &str) -> Result<Option<Checkpoint>, sqlx::Error> {
    sqlx::query_as("SELECT rows_done, created, refused FROM imports WHERE key = $1")
        .bind(key)
        .fetch_optional(c)
        .await
}

pub(super) async fn save_checkpoint(
    tx: &mut Tx,
    account_id: &AccountId,
    key: &str,
    checkpoint: Checkpoint,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO imports (key, account_id, rows_done, created, refused, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO UPDATE SET rows_done = excluded.rows_done, \
         created = excluded.created, refused = excluded.refused, updated_at = excluded.updated_at",
    )
    .bind(key)
    .bind(account_id)
    .bind(checkpoint.rows_done)
    .bind(checkpoint.created)
    .bind(checkpoint.refused)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}
