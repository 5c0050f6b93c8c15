//! Errors that callers distinguish.

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
