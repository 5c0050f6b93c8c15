//! One SQL text for `SQLite` and PostgreSQL, through `sqlx::Any`.
//!
//! Reads take a pooled connection ([`Database::read`]). Writes take a unit of work
//! ([`Database::begin`]), which on `SQLite` shares its commit with whatever else is waiting.

mod bulk;
mod conditions;
mod dialect;
mod readers;
mod tx;
mod writer;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions as _, Connection as _};
use std::str::FromStr as _;
use std::time::Duration;

pub use bulk::{Cell, done_for, found_by, have_grown, insert_all, insert_together, present};
pub use conditions::Conditions;
pub use dialect::Dialect;
pub use readers::Reader;
pub use tx::Tx;

use super::{Clock, config};
use readers::Readers;
use writer::Writer;

/// How long after its last use a connection is taken for alive.
const TRUSTED_FOR: Duration = Duration::from_secs(10);

/// An open database.
#[derive(Clone)]
pub struct Database {
    connections: Connections,
    dialect: Dialect,
    clock: Clock,
}

#[derive(Clone)]
enum Connections {
    Sqlite { writer: Writer, readers: Readers },
    Postgres(AnyPool),
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
        let connections = match dialect {
            Dialect::Sqlite => Connections::Sqlite {
                writer: Writer::connect(&options).await.map_err(OpenError::Connect)?,
                readers: Readers::new(options, config.max_connections),
            },
            Dialect::Postgres => Connections::Postgres(Self::pool(config, options).await?),
        };
        let database = Self { connections, dialect, clock };
        database.migrate().await?;
        Ok(database)
    }

    async fn pool(config: &config::Database, options: AnyConnectOptions) -> Result<AnyPool, OpenError> {
        AnyPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(readers::ACQUIRE_TIMEOUT)
            // A question before each use would double the trips to the database. One that was in use a moment
            // ago still works; one that was not is asked.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .map_err(OpenError::Connect)
    }

    async fn migrate(&self) -> Result<(), OpenError> {
        let migrations = sqlx::migrate!("./migrations");
        match &self.connections {
            Connections::Sqlite { writer, .. } => writer.migrate(&migrations).await?,
            Connections::Postgres(pool) => migrations.run(pool).await?,
        }
        Ok(())
    }

    /// A connection to read with. Not for writes: on `SQLite` it refuses them.
    ///
    /// # Errors
    /// When no connection is free within ten seconds or the database is gone.
    pub async fn read(&self) -> Result<Reader, sqlx::Error> {
        match &self.connections {
            Connections::Sqlite { readers, .. } => readers.acquire().await,
            Connections::Postgres(pool) => Ok(pool.acquire().await?.into()),
        }
    }

    /// Begins a unit of work. Dropped without [`Tx::commit`], it leaves no trace.
    ///
    /// Do no slow work while holding one: on `SQLite` everybody else who writes waits.
    ///
    /// # Errors
    /// When the database is gone or another process holds its write lock for over five seconds.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        let now = self.clock.now();
        match &self.connections {
            Connections::Sqlite { writer, .. } => Ok(Tx::batched(writer.begin().await?, now)),
            Connections::Postgres(pool) => Ok(Tx::single(pool.begin().await?, now)),
        }
    }

    /// Begins a unit of work that is exactly one statement: it saves the statements around it, and a trip to
    /// PostgreSQL for each. A second statement would stand apart from the first.
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub async fn begin_one(&self) -> Result<Tx, sqlx::Error> {
        let now = self.clock.now();
        match &self.connections {
            Connections::Sqlite { writer, .. } => Ok(Tx::batched(writer.begin_one().await?, now)),
            Connections::Postgres(pool) => Ok(Tx::statement(pool.acquire().await?, now)),
        }
    }

    /// Begins a unit of work that is exactly one [`insert_together`]: on PostgreSQL it needs no transaction around it.
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub async fn begin_together(&self) -> Result<Tx, sqlx::Error> {
        match &self.connections {
            Connections::Sqlite { .. } => self.begin().await,
            Connections::Postgres(_) => self.begin_one().await,
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
        match &self.connections {
            Connections::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Connections::Postgres(pool) => pool.close().await,
        }
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
