//! The connection that statements run on, whichever database is behind it.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::{Describe, Either, Execute, Executor, SqlStr};

use crate::postgres::PgConn;
use crate::row::SqlRow;
use crate::sql_database::{NoStatement, Sql, SqlQueryResult, SqlTypeInfo};
use crate::sqlite::SqliteConn;
use crate::statement::{FetchMode, StatementOutput};

/// The connection that store functions take. [`crate::Database::read`] and [`crate::Tx`] both provide it.
#[derive(Debug)]
pub enum DbConn {
    /// A connection to the `SQLite` file.
    Sqlite(SqliteConn),
    /// A connection to PostgreSQL.
    Postgres(PgConn),
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

    async fn run_query<'q>(
        &mut self,
        mut query: impl Execute<'q, Sql>,
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
    type Database = Sql;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<SqlQueryResult, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sql>,
    {
        Box::pin(async move { Ok(self.run_query(query, FetchMode::None).await?.result) })
    }

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<SqlQueryResult, SqlRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sql>,
    {
        stream::once(async move {
            let answer = self.run_query(query, FetchMode::All).await?;
            let rows = answer.rows.into_iter().map(Either::Right);
            Ok::<_, sqlx::Error>(stream::iter(rows.chain([Either::Left(answer.result)]).map(Ok)))
        })
        .try_flatten()
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqlRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sql>,
    {
        Box::pin(async move { Ok(self.run_query(query, FetchMode::First).await?.rows.into_iter().next()) })
    }

    /// Not supported: a statement is prepared when it is first used, and then cached.
    fn prepare_with<'e>(
        self,
        _sql: SqlStr,
        _parameters: &'e [SqlTypeInfo],
    ) -> BoxFuture<'e, Result<NoStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async { Err(unsupported_operation()) })
    }

    /// Not supported: only sqlx's macros that check statements at compile time need it.
    fn describe<'e>(self, _sql: SqlStr) -> BoxFuture<'e, Result<Describe<Sql>, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async { Err(unsupported_operation()) })
    }
}

fn unsupported_operation() -> sqlx::Error {
    sqlx::Error::Configuration("statements can only be executed, not prepared or described".into())
}
