//! A unit of work: all the changes of an operation, which are committed together or not at all.

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
    /// Tasks that are woken after the commit.
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

    /// A unit of work on a connection of its own, which has a transaction open.
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

    /// A new id for a row of this unit of work.
    #[must_use]
    pub fn new_id(&self) -> String {
        ids::new_id(self.now)
    }

    /// Wakes the task that waits for `wake` after this unit of work is committed, and only then. It is for
    /// tasks that read the rows written here.
    pub fn notify_after_commit(&mut self, wake: &Arc<Notify>) {
        if !self.wakes.iter().any(|known| Arc::ptr_eq(known, wake)) {
            self.wakes.push(wake.clone());
        }
    }

    /// Commits. When this returns `Ok`, the work survives a power cut, unless it was begun with
    /// [`crate::Database::begin_relaxed`].
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        tracing::trace!(name: "database.commit", "committing a unit of work");
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
