//! A pool of connections, for reads on both databases and for writes on PostgreSQL.
//!
//! It is built on `deadpool` because sqlx's own pool pings the server each time a connection comes back,
//! which is a second round trip for each statement. Here a connection that was used recently is assumed to
//! work, and one that was idle for longer is pinged before its next use. A transaction that was left open is
//! rolled back when the connection comes back, so that it holds no locks in the meantime.
//!
//! It serves the rows *`GET /api/v1/me`* and *SCIM look-ups by `userName`* of `docs/benchmarks.md`,
//! on PostgreSQL (decision 22).

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool::managed::{
    Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, WeakPool,
};
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Handle;

use crate::connection::DbConn;
use crate::postgres::PgConn;
use crate::sqlite::SqliteConn;

/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection is assumed to work for this long after it was last acquired.
const TRUSTED_FOR: Duration = Duration::from_secs(10);
/// A connection that was not used for this long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);
/// The first and the longest pause between attempts to reach a server that is starting.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

#[derive(Clone)]
pub(crate) struct DbPool(Pool<DbConnector>);

/// Opens connections and decides which may be used again.
enum DbConnector {
    File(Arc<Path>),
    Server(Box<PgConnectOptions>),
}

impl DbPool {
    /// Connections that read the file.
    pub(crate) fn of_file(file: &Path, max_connections: u32) -> Self {
        Self::new(DbConnector::File(file.into()), max_connections)
    }

    /// Connections to the server.
    pub(crate) fn of_server(options: PgConnectOptions, max_connections: u32) -> Self {
        Self::new(DbConnector::Server(Box::new(options)), max_connections)
    }

    fn new(connector: DbConnector, max_connections: u32) -> Self {
        let most = usize::try_from(max_connections).unwrap_or(1).max(1);
        // The connection that was used last is used first, so that surplus ones become idle and are closed.
        let pool = Pool::builder(connector).max_size(most).queue_mode(QueueMode::Lifo).build();
        let pool = pool.expect("a pool without timeouts of its own needs no runtime");
        tokio::spawn(close_idle(pool.weak()));
        Self(pool)
    }

    pub(crate) async fn acquire(&self) -> Result<PooledDbConn, sqlx::Error> {
        match tokio::time::timeout(ACQUIRE_TIMEOUT, self.0.get()).await {
            Ok(Ok(pooled)) => Ok(PooledDbConn { pooled: Some(pooled) }),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(PoolError::Closed)) => Err(sqlx::Error::PoolClosed),
            Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Closes all connections, after waiting at most `ACQUIRE_TIMEOUT` for the work in progress.
    pub(crate) async fn close(&self) {
        let begun = Instant::now();
        while self.0.status().available < self.0.status().size && begun.elapsed() < ACQUIRE_TIMEOUT {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let idle = self.0.retain(|_, _| false).removed;
        self.0.close();
        for connection in idle {
            if let DbConn::Postgres(server) = connection {
                server.close().await;
            }
        }
    }
}

/// Closes idle connections for as long as the pool exists.
async fn close_idle(pool: WeakPool<DbConnector>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT / 10).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.retain(|_, metrics| metrics.last_used() < IDLE_TIMEOUT);
    }
}

impl Manager for DbConnector {
    type Type = DbConn;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<DbConn, sqlx::Error> {
        match self {
            Self::File(file) => SqliteConn::reader(file).map(DbConn::Sqlite),
            Self::Server(options) => {
                let [mut pause, longest] = PAUSES;
                loop {
                    match PgConn::open(options).await {
                        Err(error) if may_be_starting(&error) => tokio::time::sleep(pause).await,
                        done => return done.map(DbConn::Postgres),
                    }
                    pause = longest.min(pause * 2);
                }
            }
        }
    }

    async fn recycle(&self, connection: &mut DbConn, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        match connection {
            DbConn::Sqlite(file) => file.reset_time_budget(),
            DbConn::Postgres(server) => {
                if metrics.last_used() >= TRUSTED_FOR && !server.is_alive().await {
                    return Err(RecycleError::message("the server closed the connection"));
                }
            }
        }
        Ok(())
    }
}

/// Whether the server may be available in a moment: it refuses connections or reports that it is starting
/// (SQLSTATE 57P03).
fn may_be_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

/// A connection that returns to its pool when it is dropped.
pub struct PooledDbConn {
    /// `Some` until it is dropped.
    pooled: Option<Object<DbConnector>>,
}

impl Deref for PooledDbConn {
    type Target = DbConn;
    fn deref(&self) -> &DbConn {
        self.pooled.as_ref().expect("there until dropped")
    }
}

impl DerefMut for PooledDbConn {
    fn deref_mut(&mut self) -> &mut DbConn {
        self.pooled.as_mut().expect("there until dropped")
    }
}

impl Drop for PooledDbConn {
    fn drop(&mut self) {
        let Some(mut pooled) = self.pooled.take() else { return };
        let Some(server) = pooled.postgres() else { return };
        if !server.is_reusable() {
            // It leaves the pool and is closed, which also ends its transaction.
            drop(Object::take(pooled));
        } else if server.is_in_transaction() {
            // Without a runtime the process is shutting down.
            let Ok(handle) = Handle::try_current() else { return drop(Object::take(pooled)) };
            handle.spawn(async move {
                let is_undone = match pooled.postgres() {
                    Some(server) => server.roll_back().await.is_ok(),
                    None => true,
                };
                if !is_undone {
                    drop(Object::take(pooled));
                }
            });
        }
    }
}
