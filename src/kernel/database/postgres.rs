//! PostgreSQL by sqlx's driver, without the way through its `Any`, which looks at the type of each column of each row
//! again.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyTypeInfoKind, AnyValue};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgQueryResult, PgRow, PgValueRef};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, Decode, Either, Executor as _, Postgres, Row as _,
    SqlStr, ValueRef as _,
};
use sqlx_core::any::AnyValueKind;
use sqlx_core::transaction::TransactionManager as _;

use super::Durability;
use super::bulk::SqlValue;
use super::connection::{FetchMode, FromDbRow, StatementOutput};

/// How long after its last use a connection is taken for alive.
const TRUSTED_FOR: Duration = Duration::from_secs(10);
/// A connection that is older is closed after its use: what the server keeps for it grows.
const LONGEST_LIFE: Duration = Duration::from_mins(30);

type Transactions = <Postgres as sqlx::Database>::TransactionManager;

/// One connection to the server.
#[derive(Debug)]
pub struct PgConn {
    connection: PgConnection,
    opened: Instant,
    /// A statement was begun and its answer not read: whoever asked is gone, or the connection is.
    response_pending: bool,
    /// What the statement that stands alone is to be kept as.
    durability: Durability,
}

impl PgConn {
    pub(super) async fn open(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = PgConnection::connect_with(options).await?;
        Ok(Self { connection, opened: Instant::now(), response_pending: false, durability: Durability::Full })
    }

    pub(super) async fn migrate(&mut self, migrations: &Migrator) -> Result<(), MigrateError> {
        migrations.run(&mut self.connection).await
    }

    /// Executes one statement; without arguments, several.
    pub(super) async fn query(
        &mut self,
        sql: SqlStr,
        arguments: Option<AnyArguments>,
        wanted: FetchMode,
    ) -> Result<StatementOutput, sqlx::Error> {
        let Some(arguments) = arguments else {
            tracing::trace!(name: "database.statement", sql = sql.as_str(), "statement");
            self.response_pending = true;
            let answer =
                collect(sqlx::raw_sql(sql).fetch_many(&mut self.connection), wanted, to_any_row).await;
            return self.finish_response(answer);
        };
        let sql = match self.durability {
            // Nothing is kept of what reads.
            Durability::Relaxed if !sql.as_str().starts_with("SELECT") => with_async_commit(&sql),
            _ => sql,
        };
        self.run(sql, arguments.convert_into().map_err(sqlx::Error::Encode)?, wanted, to_any_row).await
    }

    /// All rows that a statement finds, read as they come.
    pub(super) async fn read_all<T: FromDbRow>(
        &mut self,
        sql: SqlStr,
        arguments: AnyArguments,
    ) -> Result<Vec<T>, sqlx::Error> {
        let arguments = arguments.convert_into().map_err(sqlx::Error::Encode)?;
        Ok(self.run(sql, arguments, FetchMode::All, from_pg_row).await?.rows)
    }

    /// Whoever has it from now on executes one statement, which is kept like this.
    pub(super) fn set_durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    async fn run<T>(
        &mut self,
        sql: SqlStr,
        arguments: PgArguments,
        wanted: FetchMode,
        read: impl Fn(&PgRow, Option<&T>) -> Result<T, sqlx::Error>,
    ) -> Result<StatementOutput<T>, sqlx::Error> {
        tracing::trace!(name: "database.statement", sql = sql.as_str(), "statement");
        self.response_pending = true;
        let answers = self.connection.fetch_many(sqlx::query_with(sql, arguments));
        let answer = collect(answers, wanted, read).await;
        self.finish_response(answer)
    }

    fn finish_response<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.response_pending = matches!(&answer, Err(error) if error.as_database_error().is_none());
        answer
    }

    /// Executes `head`, `INSERT INTO …(…)`, with all of these rows: a column of each is one value, so that the text is the
    /// same for any number of them. `tail` comes after them.
    pub(super) async fn insert<T: FromDbRow>(
        &mut self,
        head: &str,
        tail: &str,
        columns: Vec<Vec<SqlValue<'_>>>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let (mut sql, mut arguments) = (format!("{head} SELECT * FROM UNNEST("), PgArguments::default());
        for (n, cells) in columns.into_iter().enumerate() {
            let kind = bind_array(&mut arguments, cells)?;
            // Writing into a String does not fail.
            let _ = write!(sql, "{}${}::{kind}[]", if n == 0 { "" } else { "," }, n + 1);
        }
        sql.extend([")", tail]);
        Ok(self.run(trusted_sql(sql), arguments, FetchMode::All, from_pg_row).await?.rows)
    }

    /// Executes a statement with `firsts` as `$1` and so on, and a list of texts after `head`, which ends in `IN`.
    pub(super) async fn fetch_where_in<T: FromDbRow>(
        &mut self,
        head: &str,
        tail: &str,
        firsts: &[SqlValue<'_>],
        listed: &[String],
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for first in firsts {
            match first {
                SqlValue::Text(text) => arguments.add(text),
                SqlValue::Number(number) => arguments.add(number),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        arguments.add(listed).map_err(sqlx::Error::Encode)?;
        // Not `IN (SELECT UNNEST(…))`: the planner takes that for a table, and reads another from end to end to join it.
        let column = head.strip_suffix("IN").unwrap_or(head);
        let sql = format!("{column}= ANY(${}::text[]) {tail}", firsts.len() + 1);
        Ok(self.run(trusted_sql(sql), arguments, FetchMode::All, from_pg_row).await?.rows)
    }

    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.response_pending = true;
        let begun = Transactions::begin(&mut self.connection, None).await;
        self.finish_response(begun)
    }

    /// Commits what was begun; nothing to do for a statement by itself.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.response_pending = true;
        let committed = Transactions::commit(&mut self.connection).await;
        self.finish_response(committed)
    }

    pub(super) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.response_pending = true;
        let undone = Transactions::rollback(&mut self.connection).await;
        self.finish_response(undone)
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        Transactions::get_transaction_depth(&self.connection) > 0
    }

    /// Whether somebody else may have it after this use.
    pub(super) fn is_reusable(&self) -> bool {
        !self.response_pending && self.opened.elapsed() < LONGEST_LIFE
    }

    /// Whether it works after so long without use; asked only if that was long.
    pub(super) async fn is_alive(&mut self, idle_for: Duration) -> bool {
        idle_for < TRUSTED_FOR || self.connection.ping().await.is_ok()
    }

    pub(super) async fn close(self) {
        // The server notices either way.
        drop(self.connection.close().await);
    }
}

/// The same statement, which has to return something, in a transaction that does not wait for the disk.
fn with_async_commit(sql: &SqlStr) -> SqlStr {
    trusted_sql(format!(
        "WITH done AS ({}) SELECT done.* FROM done, (SELECT set_config('synchronous_commit', 'off', true)) AS kept",
        sql.as_str()
    ))
}

/// A text of this program, made from its literals.
fn trusted_sql(sql: String) -> SqlStr {
    sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql))
}

/// Adds a column of rows as one value. The name of its type.
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

/// Reads an answer; what `read` makes of a row may take from the first one of the same answer.
async fn collect<T>(
    mut answers: BoxStream<'_, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>,
    wanted: FetchMode,
    read: impl Fn(&PgRow, Option<&T>) -> Result<T, sqlx::Error>,
) -> Result<StatementOutput<T>, sqlx::Error> {
    let mut rows = Vec::new();
    let mut result = AnyQueryResult { rows_affected: 0, last_insert_id: None };
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Left(done) => result.rows_affected += done.rows_affected(),
            Either::Right(_) if wanted == FetchMode::None => {}
            Either::Right(row) => {
                rows.push(read(&row, rows.first())?);
                if wanted == FetchMode::First {
                    break;
                }
            }
        }
    }
    Ok(StatementOutput { rows, result })
}

fn from_pg_row<T: FromDbRow>(row: &PgRow, _: Option<&T>) -> Result<T, sqlx::Error> {
    T::from_row(row)
}

/// A row for those who read `Any`'s. What is known of its columns is taken from the first one.
fn to_any_row(row: &PgRow, first: Option<&AnyRow>) -> Result<AnyRow, sqlx::Error> {
    let Some(first) = first else { return AnyRow::try_from(row) };
    let mut values = Vec::with_capacity(first.columns.len());
    for column in &first.columns {
        let (value, kind) = (row.try_get_raw(column.ordinal)?, column.type_info.kind);
        let kind = match kind {
            kind if value.is_null() => AnyValueKind::Null(kind),
            AnyTypeInfoKind::BigInt => AnyValueKind::BigInt(decode(value)?),
            AnyTypeInfoKind::Text => {
                let text = decode::<&str>(value)?;
                AnyValueKind::Text(Arc::new(text.to_owned()))
            }
            AnyTypeInfoKind::Integer => AnyValueKind::Integer(decode(value)?),
            // Hardly any column is something else.
            _ => return AnyRow::try_from(row),
        };
        values.push(AnyValue { kind });
    }
    Ok(AnyRow { column_names: first.column_names.clone(), columns: first.columns.clone(), values })
}

fn decode<'r, T: Decode<'r, Postgres>>(value: PgValueRef<'r>) -> Result<T, sqlx::Error> {
    T::decode(value).map_err(sqlx::Error::Decode)
}
