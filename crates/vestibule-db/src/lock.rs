//! Locks on rows, for units of work that read a set of rows and change it depending on what they found.

use sqlx::AssertSqlSafe;

use crate::tx::Tx;

/// Locks the rows that `select` finds until the unit of work ends. `select` is a literal of the code and takes `values`
/// as `$1` and so on.
///
/// Another unit of work that locks or updates one of them waits, and sees what this one committed. Inserts of rows that
/// refer to a locked one do not wait. On `SQLite` units of work run one after the other, so there is nothing to lock.
pub async fn lock_rows(tx: &mut Tx, select: &'static str, values: &[&str]) -> Result<(), sqlx::Error> {
    let Some(tail) = tx.dialect().row_lock() else { return Ok(()) };
    let mut query = sqlx::query(AssertSqlSafe(format!("{select} {tail}")));
    for value in values {
        query = query.bind(*value);
    }
    query.execute(&mut **tx).await.map(drop)
}
