//! What statements run on, whichever database is behind it.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::postgres::PgRow;
use sqlx::query::QueryAs;
use sqlx::{Any, Describe, Either, Execute, Executor, FromRow, SqlStr};

use crate::postgres::PgConn;
use crate::sqlite::SqliteConn;

/// The connection store functions take: what reads and a [`crate::Tx`] both lend it.
#[derive(Debug)]
pub enum DbConn {
    /// A connection to the `SQLite` file.
    Sqlite(SqliteConn),
    /// A connection to PostgreSQL.
    Postgres(PgConn),
}

/// What is read from rows of either database. PostgreSQL is strict: a literal or an INTEGER is an `i32`, a BIGINT an `i64`.
pub trait FromDbRow: for<'r> FromRow<'r, AnyRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T: for<'r> FromRow<'r, AnyRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin> FromDbRow for T {}

/// What a statement gave.
pub(crate) struct StatementOutput<T = AnyRow> {
    pub(crate) rows: Vec<T>,
    pub(crate) result: AnyQueryResult,
}

/// How many rows are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FetchMode {
    None,
    First,
    All,
}

impl DbConn {
    pub(crate) fn sqlite(&mut self) -> Option<&mut SqliteConn> {
        match self {
            Self::Sqlite(embedded) => Some(embedded),
            Self::Postgres(_) => None,
        }
    }

    pub(crate) fn postgres(&mut self) -> Option<&mut PgConn> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(remote) => Some(remote),
        }
    }

    /// All that `query` finds, for lists: `query.fetch_all(c)` gives the same, and on PostgreSQL puts each row together
    /// again before it is read.
    pub async fn read_all<T: FromDbRow>(
        &mut self,
        mut query: QueryAs<'_, Any, T, AnyArguments>,
    ) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Self::Sqlite(_) => query.fetch_all(self).await,
            Self::Postgres(server) => {
                let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
                server.read_all(query.sql(), arguments.unwrap_or_default()).await
            }
        }
    }

    async fn run_query<'q>(
        &mut self,
        mut query: impl Execute<'q, Any>,
        wanted: FetchMode,
    ) -> Result<StatementOutput, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        match self {
            Self::Sqlite(file) => {
                file.query(query.sql().as_str(), &arguments.unwrap_or_default(), wanted).await
            }
            Self::Postgres(server) => server.query(query.sql(), arguments, wanted).await,
        }
    }
}

impl<'c> Executor<'c> for &'c mut DbConn {
    type Database = Any;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<AnyQueryResult, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { Ok(self.run_query(query, FetchMode::None).await?.result) })
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
            let answer = self.run_query(query, FetchMode::All).await?;
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
        Box::pin(async move { Ok(self.run_query(query, FetchMode::First).await?.rows.into_iter().next()) })
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
        Box::pin(async { Err(unsupported_operation()) })
    }

    /// For sqlx's macros that check statements while they compile, which need one database.
    fn describe<'e>(self, _sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async { Err(unsupported_operation()) })
    }
}

fn unsupported_operation() -> sqlx::Error {
    sqlx::Error::Configuration("statements are executed here, neither prepared ahead nor described".into())
}
