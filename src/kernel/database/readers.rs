//! The `SQLite` connections that read.
//!
//! They are kept here and not in a pool of sqlx: one that is in this process needs no question whether it still lives.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use super::embedded::Embedded;

/// How long somebody waits for a free connection.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Readers {
    file: Arc<Path>,
    idle: Idle,
    permits: Arc<Semaphore>,
}

type Idle = Arc<Mutex<Vec<Connection>>>;

impl Readers {
    pub(super) fn new(file: &Path, most: u32) -> Self {
        let permits = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1)));
        Self { file: file.into(), idle: Arc::default(), permits }
    }

    pub(super) async fn acquire(&self) -> Result<Reader, sqlx::Error> {
        let permit = tokio::time::timeout(ACQUIRE_TIMEOUT, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::Embedded(Embedded::reader(&self.file)?),
        };
        if let Some(file) = connection.embedded() {
            file.lent();
        }
        Ok(Reader { connection: Some(connection), home: Some((self.idle.clone(), permit)) })
    }

    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A connection to read with; it goes back when dropped.
pub struct Reader {
    /// There until dropped.
    connection: Option<Connection>,
    /// Where it goes, if it does not go back to its pool by itself.
    home: Option<(Idle, OwnedSemaphorePermit)>,
}

impl Reader {
    pub(super) fn of_pool(connection: Connection) -> Self {
        Self { connection: Some(connection), home: None }
    }
}

impl Deref for Reader {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("there until dropped")
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("there until dropped")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let (Some(connection), Some((idle, _permit))) = (self.connection.take(), &self.home) {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
