//! Connections that are lent and come back: to read with, and on PostgreSQL to write with as well.
//!
//! `deadpool` keeps them, and not sqlx's own pool: that one asks the server whether a connection still works each time it
//! comes back, which is a second way to the database for each statement. Here one that was lent a moment ago is taken to
//! work, and one that was not used for a while is asked before it is lent. What was begun on one and given up is rolled
//! back when it comes back, so that it holds no lock for as long as no other request wants it.
//!
//! It serves the rows *`GET /api/v1/me`* and *SCIM look-ups by `userName`* of the benchmarks in the README, on PostgreSQL
//! (decision 22).

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
/// How long after it was lent a connection is taken to work.
const TRUSTED_FOR: Duration = Duration::from_secs(10);
/// A connection that was not needed for so long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);
/// The pauses between attempts to reach a server that is just starting.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

#[derive(Clone)]
pub(crate) struct DbPool(Pool<DbConnector>);

/// Opens connections, and says which may be lent again.
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
        // The one that was used last is lent first: the others grow old, and are closed.
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

    /// Closes all connections after what is under way.
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

/// Closes connections that are not needed, for as long as there is a pool.
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
                    return Err(RecycleError::message("the server has closed it"));
                }
            }
        }
        Ok(())
    }
}

/// Whether the server may be there in a moment: its port is closed still, or it says that it is starting (57P03).
fn may_be_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

/// A connection that goes back when dropped.
pub struct PooledDbConn {
    /// There until dropped.
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
            // Out of the pool and closed: what was begun on it ends with it.
            drop(Object::take(pooled));
        } else if server.is_in_transaction() {
            // Without a runtime the process is going down.
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
