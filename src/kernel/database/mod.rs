//! One SQL text for `SQLite` and PostgreSQL, through `sqlx::Any`.
//!
//! Reads take a pooled connection ([`Database::read`]). Writes take a unit of work
//! ([`Database::begin`]), which on `SQLite` shares its commit with whatever else is waiting.

mod conditions;
mod dialect;
mod tx;
mod writer;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions as _};
use std::str::FromStr as _;

pub use conditions::Conditions;
pub use dialect::Dialect;
pub use tx::Tx;

use super::{Clock, config};
use writer::Writer;

/// An open database.
#[derive(Clone)]
pub struct Database {
    pool: AnyPool,
    writer: Option<Writer>,
    dialect: Dialect,
    clock: Clock,
}

/// Why the database could not be opened, for the person at the console.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder for the database file could not be made.
    #[error("database.url: the folder for the database cannot be made: {0}")]
    Folder(#[source] std::io::Error),
    /// No connection.
    #[error("database.url: cannot connect: {0}")]
    Connect(#[source] sqlx::Error),
    /// A migration failed; nothing of it was kept.
    #[error("the database could not be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Database {
    /// Connects and applies the migrations that are missing.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: &config::Database, clock: Clock) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(&config.url);
        dialect.prepare_storage(&config.url).map_err(OpenError::Folder)?;
        let options = AnyConnectOptions::from_str(&dialect.connect_url(&config.url))
            .map_err(OpenError::Connect)?
            .disable_statement_logging();
        let writer = match dialect {
            Dialect::Sqlite => Some(Writer::connect(&options).await.map_err(OpenError::Connect)?),
            Dialect::Postgres => None,
        };
        let pool = AnyPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(std::time::Duration::from_secs(10))
            .after_connect(move |connection, _| Box::pin(dialect.set_up_reader(connection)))
            .connect_with(options)
            .await
            .map_err(OpenError::Connect)?;
        let database = Self { pool, writer, dialect, clock };
        database.migrate().await?;
        Ok(database)
    }

    async fn migrate(&self) -> Result<(), OpenError> {
        let migrations = sqlx::migrate!("./migrations");
        match &self.writer {
            Some(writer) => writer.migrate(&migrations).await?,
            None => migrations.run(&self.pool).await?,
        }
        Ok(())
    }

    /// A connection to read with. Not for writes: on `SQLite` it refuses them.
    ///
    /// # Errors
    /// When no connection is free within ten seconds or the database is gone.
    pub async fn read(&self) -> Result<PoolConnection<Any>, sqlx::Error> {
        self.pool.acquire().await
    }

    /// Begins a unit of work. Dropped without [`Tx::commit`], it leaves no trace.
    ///
    /// Do no slow work while holding one: on `SQLite` everybody else who writes waits.
    ///
    /// # Errors
    /// When the database is gone or another process holds its write lock for over five seconds.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        let now = self.clock.now();
        match &self.writer {
            Some(writer) => Ok(Tx::batched(writer.begin().await?, now)),
            None => Ok(Tx::single(self.pool.begin().await?, now)),
        }
    }

    /// Which of the two databases this is. For tests and for `EXPLAIN`; rooms do not branch on it.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Answers when the database does: for readiness.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&mut *self.read().await?).await.map(drop)
    }

    /// Closes all connections after what is under way.
    pub async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        self.pool.close().await;
    }
}

/// Whether a statement failed because a row like this exists already.
#[must_use]
pub fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Whether PostgreSQL refused a NUL character in a bound text (SQLSTATE 22021), which `SQLite` stores.
#[must_use]
pub fn is_unfit_text(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "22021")
}

/// The connection type store functions take: a read connection and a [`Tx`] both lend it.
pub type Connection = AnyConnection;

/// Makes a `LIKE` pattern that finds `text` anywhere, for `LIKE $n ESCAPE '\'`.
#[must_use]
pub fn like_anywhere(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
