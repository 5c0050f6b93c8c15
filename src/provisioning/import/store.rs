//! The SQL of imports: how far each got.

use crate::kernel::Tx;
use crate::kernel::database::Connection;

/// How far an import got.
#[derive(Debug, Clone, Copy, Default, sqlx::FromRow)]
pub(super) struct Mark {
    pub(super) rows_done: i64,
    pub(super) created: i64,
    pub(super) refused: i64,
}

pub(super) async fn find(c: &mut Connection, key: &str) -> Result<Option<Mark>, sqlx::Error> {
    sqlx::query_as("SELECT rows_done, created, refused FROM imports WHERE key = $1")
        .bind(key)
        .fetch_optional(c)
        .await
}

pub(super) async fn put(tx: &mut Tx, account_id: &str, key: &str, mark: Mark) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO imports (key, account_id, rows_done, created, refused, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key) DO UPDATE SET rows_done = excluded.rows_done, \
         created = excluded.created, refused = excluded.refused, updated_at = excluded.updated_at",
    )
    .bind(key)
    .bind(account_id)
    .bind(mark.rows_done)
    .bind(mark.created)
    .bind(mark.refused)
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}
