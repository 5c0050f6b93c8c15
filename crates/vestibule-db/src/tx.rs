//! A unit of work: everything a request changes, and the audit event about it, or nothing.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::connection::DbConn;
use crate::dialect::Dialect;
use crate::group_commit::SharedTx;
use crate::pool::PooledDbConn;
use crate::{Timestamp, ids};

/// An open unit of work. Statements run on it as on a connection.
pub struct Tx {
    inner: Inner,
    now: Timestamp,
    /// What is woken once it is committed.
    wakes: Vec<Arc<Notify>>,
}

enum Inner {
    Shared(SharedTx),
    Dedicated(PooledDbConn),
}

impl Tx {
    pub(crate) fn shared(batched: SharedTx, now: Timestamp) -> Self {
        Self { inner: Inner::Shared(batched), now, wakes: Vec::new() }
    }

    /// On a connection of its own, in a transaction.
    pub(crate) fn dedicated(connection: PooledDbConn, now: Timestamp) -> Self {
        Self { inner: Inner::Dedicated(connection), now, wakes: Vec::new() }
    }

    /// The time of this unit of work: one moment for every row it writes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Shared(_) => Dialect::Sqlite,
            Inner::Dedicated(_) => Dialect::Postgres,
        }
    }

    /// An id for a row written here.
    #[must_use]
    pub fn new_id(&self) -> String {
        ids::new_id(self.now)
    }

    /// Wakes the task that waits for `wake` once this unit of work is committed, and not at all when it is not: for what
    /// looks at the rows that are written here.
    pub fn notify_after_commit(&mut self, wake: &Arc<Notify>) {
        if !self.wakes.iter().any(|known| Arc::ptr_eq(known, wake)) {
            self.wakes.push(wake.clone());
        }
    }

    /// Makes it durable. When this returns `Ok`, it survives a power cut, unless it was begun as one that need not at
    /// once.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        tracing::trace!(name: "database.commit", "unit of work done");
        match self.inner {
            Inner::Shared(batched) => batched.finish(true, self.wakes)?.wait().await,
            Inner::Dedicated(mut pooled) => {
                if let Some(server) = pooled.postgres() {
                    server.commit().await?;
                }
                self.wakes.iter().for_each(|wake| wake.notify_one());
                Ok(())
            }
        }
    }
}

impl Deref for Tx {
    type Target = DbConn;
    fn deref(&self) -> &DbConn {
        match &self.inner {
            Inner::Shared(batched) => batched.connection_ref(),
            Inner::Dedicated(connection) => connection,
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut DbConn {
        match &mut self.inner {
            Inner::Shared(batched) => batched.connection(),
            Inner::Dedicated(connection) => connection,
        }
    }
}
