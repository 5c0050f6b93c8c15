//! What statements run on, whichever database is behind it.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::postgres::PgRow;
use sqlx::query::QueryAs;
use sqlx::{Any, Describe, Either, Execute, Executor, FromRow, SqlStr};

use super::embedded::Embedded;
use super::remote::Remote;

/// The connection store functions take: what reads and a [`super::Tx`] both lend it.
#[derive(Debug)]
pub enum Connection {
    /// A connection to the `SQLite` file.
    Embedded(Embedded),
    /// A connection to PostgreSQL.
    Remote(Remote),
}

/// What is read from rows of either database. PostgreSQL is strict: a literal or an INTEGER is an `i32`, a BIGINT an `i64`.
pub trait Read: for<'r> FromRow<'r, AnyRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T: for<'r> FromRow<'r, AnyRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> Read for T {}

/// What a statement gave.
pub(super) struct Answer<T = AnyRow> {
    pub(super) rows: Vec<T>,
    pub(super) result: AnyQueryResult,
}

/// How many rows are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    None,
    First,
    All,
}

impl Connection {
    pub(super) fn embedded(&mut self) -> Option<&mut Embedded> {
        match self {
            Self::Embedded(embedded) => Some(embedded),
            Self::Remote(_) => None,
        }
    }

    pub(super) fn remote(&mut self) -> Option<&mut Remote> {
        match self {
            Self::Embedded(_) => None,
            Self::Remote(remote) => Some(remote),
        }
    }

    /// All that `query` finds, for lists: `query.fetch_all(c)` gives the same, and on PostgreSQL puts each row together
    /// again before it is read.
    ///
    /// # Errors
    /// The database's.
    pub async fn read_all<T: Read>(
        &mut self,
        mut query: QueryAs<'_, Any, T, AnyArguments>,
    ) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Self::Embedded(_) => query.fetch_all(self).await,
            Self::Remote(server) => {
                let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
                server.read_all(query.sql(), arguments.unwrap_or_default()).await
            }
        }
    }

    async fn ask<'q>(
        &mut self,
        mut query: impl Execute<'q, Any>,
        wanted: Rows,
    ) -> Result<Answer, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        match self {
            Self::Embedded(file) => {
                file.query(query.sql().as_str(), &arguments.unwrap_or_default(), wanted).await
            }
            Self::Remote(server) => server.query(query.sql(), arguments, wanted).await,
        }
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Any;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<AnyQueryResult, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { Ok(self.ask(query, Rows::None).await?.result) })
    }

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        stream::once(async move {
            let answer = self.ask(query, Rows::All).await?;
            let rows = answer.rows.into_iter().map(Either::Right);
            Ok::<_, sqlx::Error>(stream::iter(rows.chain([Either::Left(answer.result)]).map(Ok)))
        })
        .try_flatten()
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { Ok(self.ask(query, Rows::First).await?.rows.into_iter().next()) })
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
