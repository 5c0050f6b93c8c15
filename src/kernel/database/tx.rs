//! A unit of work: everything a request changes, and the audit event about it, or nothing.

use std::ops::{Deref, DerefMut};

use super::super::{Timestamp, ids};
use super::connection::Connection;
use super::dialect::Dialect;
use super::pool::Lent;
use super::writer::{Batched, Left};

/// An open unit of work. Statements run on it as on a connection.
pub struct Tx {
    inner: Inner,
    now: Timestamp,
}

enum Inner {
    Batched(Batched),
    Lent(Lent),
}

impl Tx {
    pub(super) fn batched(batched: Batched, now: Timestamp) -> Self {
        Self { inner: Inner::Batched(batched), now }
    }

    /// On a connection of its own: in a transaction, or one statement that needs none.
    pub(super) fn lent(connection: Lent, now: Timestamp) -> Self {
        Self { inner: Inner::Lent(connection), now }
    }

    /// The time of this unit of work: one moment for every row it writes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Batched(_) => Dialect::Sqlite,
            Inner::Lent(_) => Dialect::Postgres,
        }
    }

    /// An id for a row written here.
    #[must_use]
    pub fn new_id(&self) -> String {
        ids::new_id(self.now)
    }

    /// Makes it durable. When this returns `Ok`, it survives a power cut.
    ///
    /// # Errors
    /// When the database refused; then nothing was changed.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.finish(true).await?.wait().await
    }

    /// Makes it durable, for somebody who has something else to do first: in company ([`super::Database::company`]) others
    /// commit it with theirs on `SQLite`, in some milliseconds at most. Whoever begins next sees it.
    ///
    /// # Errors
    /// When the database refused; then nothing was changed.
    pub async fn leave(self) -> Result<Left, sqlx::Error> {
        self.finish(false).await
    }

    async fn finish(self, is_awaited: bool) -> Result<Left, sqlx::Error> {
        match self.inner {
            Inner::Batched(batched) => batched.finish(is_awaited),
            Inner::Lent(mut lent) => {
                if let Some(server) = lent.remote() {
                    server.commit().await?;
                }
                Ok(Left::kept())
            }
        }
    }
}

impl Deref for Tx {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        match &self.inner {
            Inner::Batched(batched) => batched.connection_ref(),
            Inner::Lent(connection) => connection,
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.inner {
            Inner::Batched(batched) => batched.connection(),
            Inner::Lent(connection) => connection,
        }
    }
}
