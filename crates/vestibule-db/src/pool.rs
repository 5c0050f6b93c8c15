//! Connections that are lent and come back: to read with, and on PostgreSQL to write with as well.
//!
//! They are not kept in a pool of sqlx: that one asks the server whether a connection still works each time it comes
//! back, which is a second way to the database for each statement. Here one that answered its last statement is taken
//! for good, and one that was not used for a while is asked before it is lent.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::DbConn;
use crate::postgres::PgConn;
use crate::sqlite::SqliteConn;

/// How long somebody waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that nobody needed for so long is closed.
const IDLE_FOR: Duration = Duration::from_mins(10);
/// The pauses between attempts to reach a server that is just starting.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

#[derive(Clone)]
pub(crate) struct DbPool {
    source: DbConnector,
    idle: IdleDbConns,
    permits: Arc<Semaphore>,
    max_connections: u32,
}

#[derive(Clone)]
enum DbConnector {
    File(Arc<Path>),
    Server(Arc<PgConnectOptions>),
}

/// Connections nobody has, the one that was used last at the end.
type IdleDbConns = Arc<Mutex<Vec<(DbConn, Instant)>>>;

impl DbPool {
    /// Connections that read the file.
    pub(crate) fn of_file(file: &Path, max_connections: u32) -> Self {
        Self::new(DbConnector::File(file.into()), max_connections)
    }

    /// Connections to the server.
    pub(crate) fn of_server(options: PgConnectOptions, max_connections: u32) -> Self {
        Self::new(DbConnector::Server(Arc::new(options)), max_connections)
    }

    fn new(source: DbConnector, max_connections: u32) -> Self {
        let permits = Arc::new(Semaphore::new(usize::try_from(max_connections).unwrap_or(1)));
        Self { source, idle: Arc::default(), permits, max_connections }
    }

    pub(crate) async fn acquire(&self) -> Result<PooledDbConn, sqlx::Error> {
        tokio::time::timeout(ACQUIRE_TIMEOUT, self.checkout()).await.map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    async fn checkout(&self) -> Result<PooledDbConn, sqlx::Error> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = loop {
            let Some((mut connection, since)) = lock_idle(&self.idle).pop() else {
                break self.source.open().await?;
            };
            match &mut connection {
                DbConn::Sqlite(file) => file.reset_time_budget(),
                DbConn::Postgres(server) => {
                    if !server.is_alive(since.elapsed()).await {
                        continue;
                    }
                }
            }
            break connection;
        };
        Ok(PooledDbConn { connection: Some(connection), idle: self.idle.clone(), permit: Some(permit) })
    }

    /// Closes all connections after what is under way.
    pub(crate) async fn close(&self) {
        drop(tokio::time::timeout(ACQUIRE_TIMEOUT, self.permits.acquire_many(self.max_connections)).await);
        self.permits.close();
        let idle = mem::take(&mut *lock_idle(&self.idle));
        for (connection, _) in idle {
            if let DbConn::Postgres(server) = connection {
                server.close().await;
            }
        }
    }
}

impl DbConnector {
    async fn open(&self) -> Result<DbConn, sqlx::Error> {
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
}

/// Whether the server may be there in a moment: nobody listens yet, or it says that it is starting (57P03).
fn may_be_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

fn lock_idle(idle: &IdleDbConns) -> MutexGuard<'_, Vec<(DbConn, Instant)>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that goes back when dropped.
pub struct PooledDbConn {
    /// There until dropped.
    connection: Option<DbConn>,
    idle: IdleDbConns,
    permit: Option<OwnedSemaphorePermit>,
}

impl Deref for PooledDbConn {
    type Target = DbConn;
    fn deref(&self) -> &DbConn {
        self.connection.as_ref().expect("there until dropped")
    }
}

impl DerefMut for PooledDbConn {
    fn deref_mut(&mut self) -> &mut DbConn {
        self.connection.as_mut().expect("there until dropped")
    }
}

impl Drop for PooledDbConn {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let (idle, permit) = (self.idle.clone(), self.permit.take());
        match &mut connection {
            // Dropped and thereby closed: what was begun on it ends with it.
            DbConn::Postgres(server) if !server.is_reusable() => return,
            DbConn::Postgres(server) if server.is_in_transaction() => {
                // Without a runtime the process is going down.
                let Ok(handle) = Handle::try_current() else { return };
                handle.spawn(async move {
                    let DbConn::Postgres(mut server) = connection else { return };
                    if server.roll_back().await.is_ok() {
                        return_to_pool(&idle, DbConn::Postgres(server));
                    }
                    drop(permit);
                });
                return;
            }
            _ => {}
        }
        return_to_pool(&idle, connection);
    }
}

fn return_to_pool(idle: &IdleDbConns, connection: DbConn) {
    let now = Instant::now();
    let mut idle = lock_idle(idle);
    idle.push((connection, now));
    // One at a time is enough: they come back more often than they grow old.
    let is_old = idle.first().is_some_and(|(_, since)| now.duration_since(*since) > IDLE_FOR);
    let old = is_old.then(|| idle.remove(0));
    drop(idle);
    drop(old);
}
