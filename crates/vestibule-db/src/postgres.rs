//! PostgreSQL through sqlx's driver. Rows are passed on as they are and decoded where they are read.
//!
//! It serves the rows of `docs/benchmarks.md` that name PostgreSQL.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgQueryResult, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Either, Executor as _, SqlStr};

use crate::arguments::SqlArguments;
use crate::row::SqlRow;
use crate::sql_database::SqlQueryResult;
use crate::statement::{FetchMode, StatementOutput};
use crate::value::SqlValue;

/// Older connections are closed after their use, because the memory that the server keeps for each one grows.
const LONGEST_LIFE: Duration = Duration::from_mins(30);

/// One connection to the server.
#[derive(Debug)]
pub struct PgConn {
    connection: PgConnection,
    opened: Instant,
    /// A response was not read to its end, because the request was cancelled or the connection failed.
    response_pending: bool,
    /// A transaction was begun and neither committed nor rolled back.
    in_transaction: bool,
}

impl PgConn {
    pub(crate) async fn open(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = PgConnection::connect_with(options).await?;
        Ok(Self { connection, opened: Instant::now(), response_pending: false, in_transaction: false })
    }

    pub(crate) async fn migrate(&mut self, migrations: &Migrator) -> Result<(), MigrateError> {
        migrations.run(&mut self.connection).await
    }

    /// Executes one statement, or several if there are no arguments.
    pub(crate) async fn query(
        &mut self,
        sql: SqlStr,
        arguments: Option<SqlArguments>,
        wanted: FetchMode,
    ) -> Result<StatementOutput, sqlx::Error> {
        let Some(arguments) = arguments else {
            tracing::trace!(name: "database.statement", sql = sql.as_str(), "statement");
            self.response_pending = true;
            let answer = collect(sqlx::raw_sql(sql).fetch_many(&mut self.connection), wanted).await;
            return self.finish_response(answer);
        };
        self.run(sql, arguments.into_postgres()?, wanted).await
    }

    /// Executes one writing statement that has a `RETURNING` clause, as a transaction of its own that does
    /// not wait for the disk.
    pub(crate) async fn write_relaxed(
        &mut self,
        sql: &SqlStr,
        arguments: SqlArguments,
    ) -> Result<Vec<SqlRow>, sqlx::Error> {
        Ok(self.run(with_async_commit(sql), arguments.into_postgres()?, FetchMode::All).await?.rows)
    }

    async fn run(
        &mut self,
        sql: SqlStr,
        arguments: PgArguments,
        wanted: FetchMode,
    ) -> Result<StatementOutput, sqlx::Error> {
        tracing::trace!(name: "database.statement", sql = sql.as_str(), "statement");
        self.response_pending = true;
        let answers = self.connection.fetch_many(sqlx::query_with(sql, arguments));
        let answer = collect(answers, wanted).await;
        self.finish_response(answer)
    }

    fn finish_response<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.response_pending = matches!(&answer, Err(error) if error.as_database_error().is_none());
        answer
    }

    /// Inserts rows with `head`, `INSERT INTO …(…)`. Each column is bound as one array, so that the SQL text
    /// is the same for any number of rows. `tail` ends the statement.
    pub(crate) async fn insert(
        &mut self,
        head: &str,
        tail: &str,
        columns: Vec<Vec<SqlValue<'_>>>,
    ) -> Result<Vec<SqlRow>, sqlx::Error> {
        let (mut sql, mut arguments) = (format!("{head} SELECT * FROM UNNEST("), PgArguments::default());
        for (n, cells) in columns.into_iter().enumerate() {
            let kind = bind_array(&mut arguments, cells)?;
            // Writing into a String does not fail.
            let _ = write!(sql, "{}${}::{kind}[]", if n == 0 { "" } else { "," }, n + 1);
        }
        sql.extend([")", tail]);
        Ok(self.run(trusted_sql(sql), arguments, FetchMode::All).await?.rows)
    }

    /// Executes a statement with `firsts` as `$1` and so on, and a list of texts after `head`, which ends in
    /// `IN`. `tail` follows the list.
    pub(crate) async fn fetch_where_in(
        &mut self,
        head: &str,
        tail: &str,
        firsts: &[SqlValue<'_>],
        listed: &[String],
    ) -> Result<Vec<SqlRow>, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for first in firsts {
            match first {
                SqlValue::Text(text) => arguments.add(text),
                SqlValue::Number(number) => arguments.add(number),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        arguments.add(listed).map_err(sqlx::Error::Encode)?;
        // Not `IN (SELECT UNNEST(…))`: the planner treats that as a table and scans another one from end to
        // end to join it.
        let column = head.strip_suffix("IN").unwrap_or(head);
        let sql = format!("{column}= ANY(${}::text[]) {tail}", firsts.len() + 1);
        Ok(self.run(trusted_sql(sql), arguments, FetchMode::All).await?.rows)
    }

    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.run_alone("BEGIN").await?;
        self.in_transaction = true;
        Ok(())
    }

    pub(crate) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.run_alone("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.run_alone("ROLLBACK").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Executes a statement without values or rows, a literal of this program.
    async fn run_alone(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        self.response_pending = true;
        let done = self.connection.execute(sql).await;
        self.finish_response(done).map(drop)
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Whether it may be used again.
    pub(crate) fn is_reusable(&self) -> bool {
        !self.response_pending && self.opened.elapsed() < LONGEST_LIFE
    }

    /// Whether the server still answers, at the cost of one round trip.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.connection.ping().await.is_ok()
    }

    pub(crate) async fn close(self) {
        // If this fails, the server still notices that the connection is closed.
        drop(self.connection.close().await);
    }
}

/// Wraps a statement with a `RETURNING` clause so that its transaction does not wait for the disk.
fn with_async_commit(sql: &SqlStr) -> SqlStr {
    trusted_sql(format!(
        "WITH done AS ({}) SELECT done.* FROM done, (SELECT set_config('synchronous_commit', 'off', true)) AS kept",
        sql.as_str()
    ))
}

/// SQL that consists of literals of this program.
fn trusted_sql(sql: String) -> SqlStr {
    sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql))
}

/// Binds one column of all rows as an array and returns the name of its element type.
fn bind_array(arguments: &mut PgArguments, cells: Vec<SqlValue<'_>>) -> Result<&'static str, sqlx::Error> {
    let (kind, added) = if cells.iter().any(|cell| matches!(cell, SqlValue::Number(_))) {
        let numbers = cells.into_iter().map(|cell| match cell {
            SqlValue::Number(number) => Some(number),
            SqlValue::Text(_) => None,
        });
        ("bigint", arguments.add(numbers.collect::<Vec<_>>()))
    } else {
        let texts = cells.into_iter().map(|cell| match cell {
            SqlValue::Text(text) => text,
            SqlValue::Number(_) => None,
        });
        ("text", arguments.add(texts.collect::<Vec<_>>()))
    };
    added.map_err(sqlx::Error::Encode)?;
    Ok(kind)
}

/// Reads a response to its end, or to the first row if no more are wanted.
async fn collect(
    mut answers: BoxStream<'_, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>,
    wanted: FetchMode,
) -> Result<StatementOutput, sqlx::Error> {
    let mut rows = Vec::new();
    let mut result = SqlQueryResult::default();
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Left(done) => result.rows_affected += done.rows_affected(),
            Either::Right(_) if wanted == FetchMode::None => {}
            Either::Right(row) => {
                rows.push(SqlRow::of_server(row));
                if wanted == FetchMode::First {
                    break;
                }
            }
        }
    }
    Ok(StatementOutput { rows, result })
}
