//! The `SQLite` connections that read.
//!
//! A pool that checks connections asks each of them a question when it is taken and another one when it
//! comes back. For a file in the same process that is two trips to its thread for nothing, beside one
//! that reads: so these are kept by themselves. A read that is given up half-way is ended by its
//! connection's thread before the next one begins.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, ConnectOptions as _, Connection as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::dialect::Dialect;

/// How long somebody waits for a free connection.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Readers {
    options: AnyConnectOptions,
    idle: Arc<Mutex<Vec<AnyConnection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(options: AnyConnectOptions, most: u32) -> Self {
        let permits = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1)));
        Self { options, idle: Arc::default(), permits }
    }

    pub(super) async fn acquire(&self) -> Result<Reader, sqlx::Error> {
        let permit = tokio::time::timeout(ACQUIRE_TIMEOUT, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = if let Some(connection) = idle {
            connection
        } else {
            let mut fresh = self.options.connect().await?;
            Dialect::Sqlite.set_up_reader(&mut fresh).await?;
            fresh
        };
        Ok(Reader(Inner::Own { connection: Some(connection), home: self.idle.clone(), _permit: permit }))
    }

    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "a reader did not close");
            }
        }
    }
}

/// A connection to read with; it goes back when dropped.
pub struct Reader(Inner);

enum Inner {
    Own {
        connection: Option<AnyConnection>,
        home: Arc<Mutex<Vec<AnyConnection>>>,
        _permit: OwnedSemaphorePermit,
    },
    Pool(PoolConnection<Any>),
}

impl From<PoolConnection<Any>> for Reader {
    fn from(connection: PoolConnection<Any>) -> Self {
        Self(Inner::Pool(connection))
    }
}

impl Deref for Reader {
    type Target = AnyConnection;
    fn deref(&self) -> &AnyConnection {
        match &self.0 {
            Inner::Own { connection, .. } => connection.as_ref().expect("there until dropped"),
            Inner::Pool(connection) => connection,
        }
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.0 {
            Inner::Own { connection, .. } => connection.as_mut().expect("there until dropped"),
            Inner::Pool(connection) => connection,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Inner::Own { connection, home, .. } = &mut self.0
            && let Some(connection) = connection.take()
        {
            home.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}
