//! Opens a database and provides connections and units of work.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::query::QueryAs;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, Execute as _, FromRow};

use crate::arguments::SqlArguments;
use crate::bulk::{NewRow, insert_pair};
use crate::commit_delay::CommitDelay;
use crate::durability::Durability;
use crate::error::OpenError;
use crate::group_commit::{PendingCommit, PendingWriter, Writer};
use crate::pool::{DbPool, PooledDbConn};
use crate::row::SqlRow;
use crate::sql_database::Sql;
use crate::{Clock, Dialect, Tx};

/// The longest time that a commit on `SQLite` waits for others.
const COMMIT_DELAY: Duration = Duration::from_millis(5);

/// An open database. Clones share its connections.
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

impl Database {
    /// Connects and applies the pending migrations.
    ///
    /// `url` is `sqlite://path` or `postgres://user@host/name`. `max_connections` limits the connections to
    /// PostgreSQL, or those that read from `SQLite`, which has one more that writes.
    pub async fn open(
        url: &str,
        max_connections: u32,
        migrations: &Migrator,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        Self::open_with_delay(url, max_connections, migrations, clock, COMMIT_DELAY).await
    }

    async fn open_with_delay(
        url: &str,
        max_connections: u32,
        migrations: &Migrator,
        clock: Clock,
        commit_delay: Duration,
    ) -> Result<Self, OpenError> {
        let dialect = Dialect::of(url);
        dialect.prepare_storage(url).map_err(OpenError::Folder)?;
        let backend = match dialect {
            Dialect::Sqlite => {
                Self::open_file(url, max_connections, migrations, CommitDelay::new(commit_delay)).await?
            }
            Dialect::Postgres => Self::open_server(url, max_connections, migrations).await?,
        };
        Ok(Self { backend, dialect, clock })
    }

    async fn open_server(
        url: &str,
        max_connections: u32,
        migrations: &Migrator,
    ) -> Result<DbBackend, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(OpenError::Connect)?;
        let pool = DbPool::of_server(options.disable_statement_logging(), max_connections);
        let mut first = pool.acquire().await.map_err(OpenError::Connect)?;
        if let Some(server) = first.postgres() {
            server.migrate(migrations).await?;
        }
        drop(first);
        Ok(DbBackend::Postgres(pool))
    }

    /// sqlx's own driver applies the migrations, so that they are recorded as on PostgreSQL. Only then does
    /// the driver of this crate open the file.
    async fn open_file(
        url: &str,
        max_connections: u32,
        migrations: &Migrator,
        delay: CommitDelay,
    ) -> Result<DbBackend, OpenError> {
        let options = SqliteConnectOptions::from_str(url).map_err(OpenError::Connect)?;
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let mut connection = options.connect().await.map_err(OpenError::Connect)?;
        migrations.run(&mut connection).await?;
        connection.close().await.map_err(OpenError::Connect)?;
        let file = options.get_filename();
        Ok(DbBackend::Sqlite {
            writer: Writer::open(file, delay).map_err(OpenError::Connect)?,
            readers: DbPool::of_file(file, max_connections),
        })
    }

    /// A connection for reading. It must not be used for writes, which `SQLite` refuses on it.
    pub async fn read(&self) -> Result<PooledDbConn, sqlx::Error> {
        match &self.backend {
            DbBackend::Sqlite { readers: pool, .. } | DbBackend::Postgres(pool) => pool.acquire().await,
        }
    }

    /// Begins a unit of work. If it is dropped without [`Tx::commit`], nothing of it is kept.
    ///
    /// Do no slow work while holding one: on `SQLite` all other writers wait.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.begin_with_durability(Durability::Full).await
    }

    /// Begins a unit of work whose commit does not wait for the disk, so that a power cut may undo it. It is
    /// for steps of long work that is repeated after an interruption, and for rows of a log. At the latest,
    /// it is on disk with the next commit that waits for the disk.
    pub async fn begin_relaxed(&self) -> Result<Tx, sqlx::Error> {
        self.begin_with_durability(Durability::Relaxed).await
    }

    async fn begin_with_durability(&self, durability: Durability) -> Result<Tx, sqlx::Error> {
        let now = self.clock.now();
        match &self.backend {
            DbBackend::Sqlite { writer, .. } => Ok(Tx::shared(writer.begin(durability).await?, now)),
            DbBackend::Postgres(pool) => {
                let mut pooled = pool.acquire().await?;
                if let Some(server) = pooled.postgres() {
                    server.begin().await?;
                }
                let mut tx = Tx::dedicated(pooled, now);
                if durability == Durability::Relaxed {
                    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await?;
                }
                Ok(tx)
            }
        }
    }

    /// Executes one statement that writes and returns at most one row, as a unit of work of its own. On
    /// PostgreSQL it needs no explicit transaction, which saves round trips. A power cut may undo it, as
    /// after [`Database::begin_relaxed`].
    ///
    /// On `SQLite` the change is in the open transaction when this returns, where every unit of work that
    /// begins later sees it. The returned [`PendingCommit`] waits for the commit, which announced writers may
    /// share ([`Database::announce_write`]).
    pub async fn write_one_relaxed<O>(
        &self,
        mut query: QueryAs<'_, Sql, O, SqlArguments>,
    ) -> Result<(Option<O>, PendingCommit), sqlx::Error>
    where
        O: for<'r> FromRow<'r, SqlRow> + Send + Unpin,
    {
        tracing::trace!(name: "database.commit", "committing a unit of work");
        match &self.backend {
            DbBackend::Sqlite { writer, .. } => {
                let mut unit = writer.begin(Durability::Relaxed).await?;
                let row = query.fetch_optional(unit.connection()).await?;
                Ok((row, unit.finish(false, Vec::new())?))
            }
            DbBackend::Postgres(pool) => {
                let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
                let mut pooled = pool.acquire().await?;
                let rows = match pooled.postgres() {
                    Some(server) => server.write_relaxed(&query.sql(), arguments).await?,
                    None => Vec::new(),
                };
                let row = rows.first().map(O::from_row).transpose()?;
                Ok((row, PendingCommit::durable()))
            }
        }
    }

    /// Inserts two rows as a unit of work of their own: both or neither, and on disk when this returns `Ok`.
    /// On PostgreSQL it takes one round trip.
    pub async fn insert_pair(&self, first: NewRow<'_>, second: NewRow<'_>) -> Result<(), sqlx::Error> {
        match &self.backend {
            DbBackend::Sqlite { .. } => {
                let mut tx = self.begin().await?;
                insert_pair(&mut tx, first, second).await?;
                tx.commit().await
            }
            DbBackend::Postgres(pool) => {
                tracing::trace!(name: "database.commit", "committing a unit of work");
                let mut pooled = pool.acquire().await?;
                insert_pair(&mut pooled, first, second).await
            }
        }
    }

    /// Announces a write that will follow something slow, such as a request to a directory server. While
    /// several are announced, commits on `SQLite` wait a moment so that they can share one. Returns `None` on
    /// PostgreSQL, which has `commit_delay` for this.
    #[must_use]
    pub fn announce_write(&self) -> Option<PendingWriter> {
        match &self.backend {
            DbBackend::Sqlite { writer, .. } => Some(writer.announce_write()),
            DbBackend::Postgres(_) => None,
        }
    }

    /// Which of the two databases this is. It is for tests and for `EXPLAIN`; other callers do not branch on
    /// it.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Succeeds if the database answers, for readiness checks.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&mut *self.read().await?).await.map(drop)
    }

    /// Closes all connections after the work in progress.
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

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
