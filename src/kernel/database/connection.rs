//! What statements run on, whichever database is behind it.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::pool::PoolConnection;
use sqlx::{Any, Describe, Either, Execute, Executor, SqlStr, Transaction};

use super::embedded::{Answer, Embedded, Rows};

/// The connection store functions take: a reader and a [`super::Tx`] both lend it.
#[derive(Debug)]
pub enum Connection {
    /// A connection to the `SQLite` file.
    Embedded(Embedded),
    /// One of the pool, each statement by itself.
    Pooled(PoolConnection<Any>),
    /// One of the pool, inside a transaction.
    Transaction(Transaction<'static, Any>),
}

impl Connection {
    pub(super) fn embedded(&mut self) -> Option<&mut Embedded> {
        match self {
            Self::Embedded(embedded) => Some(embedded),
            Self::Pooled(_) | Self::Transaction(_) => None,
        }
    }
}

async fn ask<'q>(
    embedded: &mut Embedded,
    mut query: impl Execute<'q, Any>,
    wanted: Rows,
) -> Result<Answer, sqlx::Error> {
    let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
    embedded.query(query.sql().as_str(), &arguments, wanted).await
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Any;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<AnyQueryResult, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self {
            Connection::Embedded(embedded) => {
                Box::pin(async move { Ok(ask(embedded, query, Rows::First).await?.result) })
            }
            Connection::Pooled(pooled) => (&mut **pooled).execute(query),
            Connection::Transaction(transaction) => (&mut **transaction).execute(query),
        }
    }

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self {
            Connection::Embedded(embedded) => stream::once(async move {
                let answer = ask(embedded, query, Rows::All).await?;
                let rows = answer.rows.into_iter().map(Either::Right);
                Ok::<_, sqlx::Error>(stream::iter(rows.chain([Either::Left(answer.result)]).map(Ok)))
            })
            .try_flatten()
            .boxed(),
            Connection::Pooled(pooled) => (&mut **pooled).fetch_many(query),
            Connection::Transaction(transaction) => (&mut **transaction).fetch_many(query),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match self {
            Connection::Embedded(embedded) => {
                Box::pin(async move { Ok(ask(embedded, query, Rows::First).await?.rows.into_iter().next()) })
            }
            Connection::Pooled(pooled) => (&mut **pooled).fetch_optional(query),
            Connection::Transaction(transaction) => (&mut **transaction).fetch_optional(query),
        }
    }

    /// Nobody prepares a statement ahead: each is when it is first used, and stays so.
    fn prepare_with<'e>(
        self,
        _sql: SqlStr,
        _parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async { Err(unasked()) })
    }

    /// For sqlx's macros that check statements while they compile, which need one database.
    fn describe<'e>(self, _sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async { Err(unasked()) })
    }
}

fn unasked() -> sqlx::Error {
    sqlx::Error::Configuration("statements are executed here, neither prepared ahead nor described".into())
}
