//! A unit of work: everything a request changes, and the audit event about it, or nothing.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Transaction};

use super::super::{Timestamp, ids};
use super::dialect::Dialect;
use super::writer::Batched;

/// An open unit of work. Statements run on it as on a connection.
pub struct Tx {
    inner: Inner,
    now: Timestamp,
}

enum Inner {
    Batched(Batched),
    Single(Transaction<'static, Any>),
    Statement(PoolConnection<Any>),
}

impl Tx {
    pub(super) fn batched(batched: Batched, now: Timestamp) -> Self {
        Self { inner: Inner::Batched(batched), now }
    }

    pub(super) fn single(transaction: Transaction<'static, Any>, now: Timestamp) -> Self {
        Self { inner: Inner::Single(transaction), now }
    }

    pub(super) fn statement(connection: PoolConnection<Any>, now: Timestamp) -> Self {
        Self { inner: Inner::Statement(connection), now }
    }

    /// The time of this unit of work: one moment for every row it writes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Batched(_) => Dialect::Sqlite,
            Inner::Single(_) | Inner::Statement(_) => Dialect::Postgres,
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
        match self.inner {
            Inner::Batched(batched) => batched.commit().await,
            Inner::Single(transaction) => transaction.commit().await,
            Inner::Statement(_) => Ok(()),
        }
    }
}

impl Deref for Tx {
    type Target = AnyConnection;
    fn deref(&self) -> &AnyConnection {
        match &self.inner {
            Inner::Batched(batched) => batched.connection_ref(),
            Inner::Single(transaction) => transaction,
            Inner::Statement(connection) => connection,
        }
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        match &mut self.inner {
            Inner::Batched(batched) => batched.connection(),
            Inner::Single(transaction) => transaction,
            Inner::Statement(connection) => connection,
        }
    }
}
