//! Errors that callers distinguish.

use crate::sqlite::is_busy;

/// Why the database could not be opened. The text is shown on the console.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the database file, or the file itself, could not be created.
    #[error("database.url: the folder for the database cannot be made: {0}")]
    Folder(#[source] std::io::Error),
    /// The connection failed.
    #[error("database.url: cannot connect: {0}")]
    Connect(#[source] sqlx::Error),
    /// A migration failed; none of its changes were kept.
    #[error("the database could not be migrated: {0}")]
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
/// the server is unreachable, starting or full, another unit of work was in the way, or another process holds the file.
/// Nothing of the unit of work was kept.
#[must_use]
pub fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(cause) => {
            is_busy(error) || cause.code().is_some_and(|code| is_temporary_code(&code))
        }
        _ => false,
    }
}

/// SQLSTATE classes 08 (connection) and 53 (resources), `57P01` to `57P03` (shutting down, starting), and the failures
/// of a transaction that ran beside another (`40001`, `40P01`, `55P03`).
fn is_temporary_code(code: &str) -> bool {
    ["08", "53", "57P0"].iter().any(|class| code.starts_with(class))
        || matches!(code, "40001" | "40P01" | "55P03")
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
