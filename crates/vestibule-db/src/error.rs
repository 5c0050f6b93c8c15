//! Errors that callers distinguish.

use crate::sqlite::is_busy;

/// Why the database could not be opened. The text is shown on the console.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the database file, or the file itself, could not be created.
    #[error("database.url: cannot create the directory or the file of the database: {0}")]
    Folder(#[source] std::io::Error),
    /// The connection failed.
    #[error("database.url: cannot connect to the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// A migration failed; none of its changes were kept.
    #[error("the database migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// Whether a statement violated a unique constraint.
#[must_use]
pub fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Whether PostgreSQL refused a NUL character in a bound text (SQLSTATE 22021), which `SQLite` stores.
#[must_use]
pub fn is_nul_character_error(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "22021")
}

/// Whether a failed unit of work may succeed when it is tried again, because the cause passes: no connection was free,
/// the server is unreachable, starting or has no more connections, another unit of work was in the way, or another
/// process holds the file. If the connection was lost during the commit, the unit of work may have been kept.
#[must_use]
pub fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Io(cause) => is_lost_connection(cause.kind()),
        sqlx::Error::Database(cause) => {
            is_busy(error) || cause.code().is_some_and(|code| is_temporary_code(&code))
        }
        _ => false,
    }
}

/// A failed commit on `SQLite`, such as one on a full disk, is an error of another kind.
fn is_lost_connection(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::NotConnected
            | Kind::BrokenPipe
            | Kind::TimedOut
            | Kind::UnexpectedEof
    )
}

/// SQLSTATE class 08 (connection), `53300` (too many connections), `57P01` to `57P03` (shutting down, starting), and the
/// failures of a transaction that ran beside another (`40001`, `40P01`, `55P03`).
fn is_temporary_code(code: &str) -> bool {
    code.starts_with("08")
        || matches!(code, "53300" | "57P01" | "57P02" | "57P03" | "40001" | "40P01" | "55P03")
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
