//! One SQL text for `SQLite` and PostgreSQL, in the types of `sqlx::Any`.
//!
//! Reads take a pooled connection ([`Database::read`]). Writes take a unit of work
//! ([`Database::begin`]), which on `SQLite` shares its commit with whatever else is waiting.

mod bulk;
mod conditions;
mod connection;
mod dialect;
mod pool;
mod postgres;
mod sqlite;
mod tx;
mod writer;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _};
use std::str::FromStr as _;

pub use bulk::{
    SqlValue, analyze_tables, execute_where_in, existing, fetch_where_in, insert_all, insert_new,
    insert_pair, lookup_map,
};
pub use conditions::Conditions;
pub use connection::DbConn;
pub use dialect::Dialect;
pub use pool::PooledDbConn;
pub use tx::Tx;
pub use writer::{PendingCommit, PendingWriter};

use super::{Clock, config};
use pool::DbPool;
use writer::Writer;

/// An open database.
#[derive(Clone)]
pub struct Database {
    backend: DbBackend,
    dialect: Dialect,
    clock: Clock,
}

#[derive(Clone)]
enum DbBackend {
    Sqlite { writer: Writer, readers: DbPool },
    Postgres(DbPool),
}

/// What a power cut may do to a unit of work that was committed. Everybody sees it at once either way, also after the
/// process was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing.
    Full,
    /// Take it back, if that comes before the next unit of work that is `Full`, or within a moment: for what is worth
    /// less than the disk's time.
    Relaxed,
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
    pub async fn open(config: &config::DatabaseConfig, clock: Clock) -> Result<Self, OpenError> {
        let dialect = Dialect::of(&config.url);
        dialect.prepare_storage(&config.url).map_err(OpenError::Folder)?;
        let migrations = sqlx::migrate!("./migrations");
        let connections = match dialect {
            Dialect::Sqlite => Self::open_file(config, &migrations).await?,
            Dialect::Postgres => {
                let options = PgConnectOptions::from_str(&config.url).map_err(OpenError::Connect)?;
                let pool = DbPool::of_server(options.disable_statement_logging(), config.max_connections);
                let mut first = pool.acquire().await.map_err(OpenError::Connect)?;
                if let Some(server) = first.postgres() {
                    server.migrate(&migrations).await?;
                }
                drop(first);
                DbBackend::Postgres(pool)
            }
        };
        Ok(Self { backend: connections, dialect, clock })
    }

    /// sqlx's own driver migrates: it keeps the same book as on PostgreSQL. Then ours has the file.
    async fn open_file(
        config: &config::DatabaseConfig,
        migrations: &Migrator,
    ) -> Result<DbBackend, OpenError> {
        let options = SqliteConnectOptions::from_str(&config.url).map_err(OpenError::Connect)?;
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let mut connection = options.connect().await.map_err(OpenError::Connect)?;
        migrations.run(&mut connection).await?;
        connection.close().await.map_err(OpenError::Connect)?;
        let file = options.get_filename();
        Ok(DbBackend::Sqlite {
            writer: Writer::open(file).map_err(OpenError::Connect)?,
            readers: DbPool::of_file(file, config.max_connections),
        })
    }

    /// A connection to read with. Not for writes: on `SQLite` it refuses them.
    pub async fn read(&self) -> Result<PooledDbConn, sqlx::Error> {
        match &self.backend {
            DbBackend::Sqlite { readers: pool, .. } | DbBackend::Postgres(pool) => pool.acquire().await,
        }
    }

    /// Begins a unit of work. Dropped without [`Tx::commit`], it leaves no trace.
    ///
    /// Do no slow work while holding one: on `SQLite` everybody else who writes waits.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.begin_with_durability(Durability::Full).await
    }

    /// Begins a unit of work of which nobody is told that it is done: a step of something long, which is begun again when it
    /// is cut off, or rows of a log. It is on disk with the next unit of work that waits for that, at the latest.
    pub async fn begin_relaxed(&self) -> Result<Tx, sqlx::Error> {
        self.begin_with_durability(Durability::Relaxed).await
    }

    async fn begin_with_durability(&self, durability: Durability) -> Result<Tx, sqlx::Error> {
        let now = self.clock.now();
        match &self.backend {
            DbBackend::Sqlite { writer, .. } => Ok(Tx::shared(writer.begin(durability).await?, now)),
            DbBackend::Postgres(pool) => {
                let mut lent = pool.acquire().await?;
                if let Some(server) = lent.postgres() {
                    server.begin().await?;
                }
                let mut tx = Tx::dedicated(lent, now);
                if durability == Durability::Relaxed {
                    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await?;
                }
                Ok(tx)
            }
        }
    }

    /// Begins a unit of work that is exactly one statement that writes: on PostgreSQL it needs no transaction around it, and
    /// saves the ways for one. A second one, and what was read before, would stand apart from it. [`insert_together`] is one
    /// statement. One that is kept [`Durability::Relaxed`] returns something.
    pub async fn begin_single_statement(&self, durability: Durability) -> Result<Tx, sqlx::Error> {
        let now = self.clock.now();
        match &self.backend {
            DbBackend::Sqlite { writer, .. } => Ok(Tx::shared(writer.begin(durability).await?, now)),
            DbBackend::Postgres(pool) => {
                let mut lent = pool.acquire().await?;
                if let Some(server) = lent.postgres() {
                    server.set_durability(durability);
                }
                Ok(Tx::dedicated(lent, now))
            }
        }
    }

    /// Says that somebody will write soon, after something slow elsewhere. Several of them share their commits on `SQLite`,
    /// which wait a moment for that; PostgreSQL has its own way (`commit_delay`), and there is none then.
    #[must_use]
    pub fn announce_write(&self) -> Option<PendingWriter> {
        match &self.backend {
            DbBackend::Sqlite { writer, .. } => Some(writer.announce_write()),
            DbBackend::Postgres(_) => None,
        }
    }

    /// Which of the two databases this is. For tests and for `EXPLAIN`; rooms do not branch on it.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Answers when the database does: for readiness.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&mut *self.read().await?).await.map(drop)
    }

    /// Closes all connections after what is under way.
    pub async fn close(&self) {
        match &self.backend {
            DbBackend::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            DbBackend::Postgres(pool) => pool.close().await,
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
pub fn is_nul_character_error(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "22021")
}

/// Makes a `LIKE` pattern that finds `text` anywhere, for `LIKE $n ESCAPE '\'`.
#[must_use]
pub fn like_anywhere(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
