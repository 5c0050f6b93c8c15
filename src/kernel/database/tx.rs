//! A unit of work: everything a request changes, and the audit event about it, or nothing.

use std::ops::{Deref, DerefMut};

use super::connection::DbConn;
use super::dialect::Dialect;
use super::pool::PooledDbConn;
use super::writer::{PendingCommit, SharedTx};
use crate::kernel::{Timestamp, ids};

/// An open unit of work. Statements run on it as on a connection.
pub struct Tx {
    inner: Inner,
    now: Timestamp,
}

enum Inner {
    Shared(SharedTx),
    Dedicated(PooledDbConn),
}

impl Tx {
    pub(super) fn shared(batched: SharedTx, now: Timestamp) -> Self {
        Self { inner: Inner::Shared(batched), now }
    }

    /// On a connection of its own: in a transaction, or one statement that needs none.
    pub(super) fn dedicated(connection: PooledDbConn, now: Timestamp) -> Self {
        Self { inner: Inner::Dedicated(connection), now }
    }

    /// The time of this unit of work: one moment for every row it writes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn dialect(&self) -> Dialect {
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

    /// Makes it durable. When this returns `Ok`, it survives a power cut.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.finish(true).await?.wait().await
    }

    /// Makes it durable, for somebody who has something else to do first: in company ([`super::Database::announce_write`]) others
    /// commit it with theirs on `SQLite`, in some milliseconds at most. Whoever begins next sees it.
    pub async fn commit_later(self) -> Result<PendingCommit, sqlx::Error> {
        self.finish(false).await
    }

    async fn finish(self, is_awaited: bool) -> Result<PendingCommit, sqlx::Error> {
        tracing::trace!(name: "database.commit", "unit of work done");
        match self.inner {
            Inner::Shared(batched) => batched.finish(is_awaited),
            Inner::Dedicated(mut lent) => {
                if let Some(server) = lent.postgres() {
                    server.commit().await?;
                }
                Ok(PendingCommit::durable())
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
