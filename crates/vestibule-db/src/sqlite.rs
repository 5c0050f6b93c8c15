//! `SQLite` in this process, on the thread of the request (decision 21).
//!
//! A statement takes a few microseconds, which is less than it takes to wake a driver's own thread and to be
//! woken by it. Statements therefore run where the request runs. Only a statement that was slow the last
//! time, or a commit that waits for a slow disk, runs while the other tasks of its worker move to another
//! thread (`off_runtime`).
//!
//! It serves every row of `docs/benchmarks.md` that names `SQLite`; `off_runtime` serves
//! *p99 of `GET /api/v1/me`* during other work.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{OpenFlags, Row};
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::arguments::{SqlArgument, SqlArguments};
use crate::durability::Durability;
use crate::row::SqlRow;
use crate::sql_database::SqlQueryResult;
use crate::statement::{FetchMode, StatementOutput};
use crate::value::SqlValue;

/// The number of statements that stay prepared on each connection.
const STATEMENT_CACHE_SIZE: usize = 128;
/// Work that took longer than this goes through `off_runtime` the next time.
const SLOW_THRESHOLD: Duration = Duration::from_millis(2);
/// Inserts of more rows than this go through `off_runtime`.
const MAX_INLINE_ROWS: usize = 50;
/// How long a task may execute statements before it yields to other tasks.
const TIME_BUDGET: Duration = Duration::from_millis(1);

/// One connection to the database file.
#[derive(Debug)]
pub struct SqliteConn {
    connection: rusqlite::Connection,
    statements: HashMap<Box<str>, Arc<StatementInfo>>,
    /// The time spent in statements since the connection was acquired or the task last yielded.
    time_used: Duration,
    /// Whether a statement was slow since the last commit.
    slow_statement: bool,
    /// Whether the last commit that waited for the disk was slow.
    disk_is_slow: bool,
}

/// What is known of a statement's SQL text.
#[derive(Debug)]
struct StatementInfo {
    /// The text with numbered parameters, because `SQLite` finds `?1` by its number but searches a list for
    /// the name `$1`.
    sql: String,
    column_names: Arc<[Box<str>]>,
    /// Whether it was slow the last time.
    was_slow: AtomicBool,
}

impl SqliteConn {
    /// Opens the connection that writes. Commits are fully durable until [`Self::set_durability`] changes
    /// that.
    ///
    /// It never blocks a thread to wait for another process: [`crate::Database::begin`] retries instead.
    pub(crate) fn writer(file: &Path) -> Result<Self, sqlx::Error> {
        // The cache of 16 MB keeps the changes of a large unit of work until its commit, instead of writing
        // them to the log and reading them back. `temp_store` keeps the undo journals of savepoints in
        // memory, instead of a file for each. `RETURNING` opens the temporary database, which each commit
        // would then empty page by page if it held no table.
        let own = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 0; \
                   PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; CREATE TEMP TABLE kept (id)";
        let embedded = Self::open(file, own)?;
        embedded.set_durability(Durability::Full)?;
        Ok(embedded)
    }

    /// Opens a connection that reads and refuses to write.
    pub(crate) fn reader(file: &Path) -> Result<Self, sqlx::Error> {
        // A thousand users that are looked up among a million lie in as many pages, besides those of the
        // index. The default cache of two megabytes is too small for them.
        Self::open(file, "PRAGMA query_only = ON; PRAGMA cache_size = -8000")
    }

    fn open(file: &Path, pragmas: &'static str) -> Result<Self, sqlx::Error> {
        // `Dialect::prepare_storage` has created the file for its owner only; if it is missing, something is
        // wrong.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(file, flags).map_err(driver_error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
        // This covers the moment in which another process opens, closes or recovers the file.
        connection.busy_timeout(Duration::from_secs(5)).map_err(driver_error)?;
        connection.execute_batch(pragmas).map_err(driver_error)?;
        Ok(Self {
            connection,
            statements: HashMap::new(),
            time_used: Duration::ZERO,
            slow_statement: false,
            disk_is_slow: true,
        })
    }

    /// Executes a literal of this program that has no parameters, and ignores its rows.
    pub(crate) fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| {
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            Ok(())
        });
        done.map_err(driver_error)
    }

    /// Like [`Self::run`], for a statement that waits for the disk. It goes through `off_runtime` unless the
    /// disk was fast the last time.
    pub(crate) fn run_durably(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let begun = Instant::now();
        let done = if self.disk_is_slow { off_runtime(|| self.run(sql)) } else { self.run(sql) };
        self.disk_is_slow = begun.elapsed() > SLOW_THRESHOLD;
        done
    }

    /// Sets the durability of the commits from now on. `FULL` syncs the log at each commit; `NORMAL` leaves
    /// that to the next commit that does. The log may grow to 40 MB before a checkpoint moves its pages into
    /// the database, because most of them change again in the meantime. The checkpoint happens in a commit
    /// that waits for the disk anyway or, if none comes, at 48 MB.
    pub(crate) fn set_durability(&self, durability: Durability) -> Result<(), sqlx::Error> {
        // These are not prepared through the cache, because they take effect when they are prepared.
        let done = self.connection.execute_batch(match durability {
            Durability::Full => "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 10000",
            Durability::Relaxed => "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 12000",
        });
        done.map_err(driver_error)
    }

    /// Starts a new time budget, when the connection is acquired or a unit of work begins.
    pub(crate) fn reset_time_budget(&mut self) {
        self.time_used = Duration::ZERO;
    }

    /// Returns whether a statement was slow since the last call, which means that there is much to commit.
    pub(crate) fn had_slow_statement(&mut self) -> bool {
        std::mem::take(&mut self.slow_statement)
    }

    /// Executes one statement, which is done at the first poll.
    pub(crate) async fn query(
        &mut self,
        sql: &str,
        arguments: &SqlArguments,
        wanted: FetchMode,
    ) -> Result<StatementOutput, sqlx::Error> {
        tracing::trace!(name: "database.statement", sql, "statement");
        let begun = Instant::now();
        let shape = self.statement_info(sql)?;
        let answer = if shape.was_slow.load(Ordering::Relaxed) {
            off_runtime(|| self.step(&shape, arguments, wanted))
        } else {
            self.step(&shape, arguments, wanted)
        };
        let took = begun.elapsed();
        shape.was_slow.store(took > SLOW_THRESHOLD, Ordering::Relaxed);
        self.charge_time(took).await;
        answer
    }

    /// Yields to other tasks if this one has used up its time budget.
    async fn charge_time(&mut self, took: Duration) {
        self.slow_statement |= took > SLOW_THRESHOLD;
        self.time_used += took;
        if self.time_used > TIME_BUDGET {
            self.time_used = Duration::ZERO;
            tokio::task::yield_now().await;
        }
    }

    /// Inserts each row with `head`, `INSERT INTO …(…)`, and `tail` at the end. Returns the first value of
    /// each inserted row, if it is a text.
    ///
    /// Each row is a statement of its own: for several in one statement `SQLite` keeps a journal to undo
    /// them.
    pub(crate) async fn insert<'a, R>(
        &mut self,
        head: &str,
        tail: &str,
        rows: Vec<R>,
    ) -> Result<Vec<String>, sqlx::Error>
    where
        R: IntoIterator<Item = SqlValue<'a>, IntoIter: ExactSizeIterator>,
    {
        tracing::trace!(name: "database.statement", sql = head, "statement");
        let begun = Instant::now();
        let written = if rows.len() > MAX_INLINE_ROWS {
            off_runtime(|| self.insert_each(head, tail, rows))
        } else {
            self.insert_each(head, tail, rows)
        };
        self.charge_time(begun.elapsed()).await;
        written.map_err(driver_error)
    }

    fn statement_info(&mut self, sql: &str) -> Result<Arc<StatementInfo>, sqlx::Error> {
        if let Some(shape) = self.statements.get(sql) {
            return Ok(shape.clone());
        }
        let numbered = number_parameters(sql);
        let statement = self.connection.prepare_cached(&numbered).map_err(driver_error)?;
        let column_names = statement.column_names().into_iter().map(Box::from).collect();
        drop(statement);
        let shape = Arc::new(StatementInfo { sql: numbered, column_names, was_slow: AtomicBool::new(false) });
        // Statements that are assembled from conditions have more variants than are worth keeping.
        if self.statements.len() >= STATEMENT_CACHE_SIZE {
            self.statements.clear();
        }
        self.statements.insert(sql.into(), shape.clone());
        Ok(shape)
    }

    fn insert_each<'a, R>(&self, head: &str, tail: &str, rows: Vec<R>) -> rusqlite::Result<Vec<String>>
    where
        R: IntoIterator<Item = SqlValue<'a>, IntoIter: ExactSizeIterator>,
    {
        let mut rows = rows.into_iter().map(IntoIterator::into_iter).peekable();
        let mut written = Vec::with_capacity(rows.len());
        let Some(width) = rows.peek().map(ExactSizeIterator::len) else { return Ok(written) };
        let values = ",?".repeat(width);
        let sql = [head, " VALUES (", values.get(1..).unwrap_or_default(), ")", tail].concat();
        let mut statement = self.connection.prepare_cached(&sql)?;
        for row in rows {
            let mut id = None;
            for (n, cell) in row.enumerate() {
                statement.raw_bind_parameter(n + 1, bind_sql_value(&cell))?;
                if let (0, SqlValue::Text(text)) = (n, cell) {
                    id = text.map(Cow::into_owned);
                }
            }
            if statement.raw_execute()? > 0 {
                written.extend(id);
            }
        }
        Ok(written)
    }

    fn step(
        &self,
        shape: &StatementInfo,
        arguments: &SqlArguments,
        wanted: FetchMode,
    ) -> Result<StatementOutput, sqlx::Error> {
        let mut statement = self.connection.prepare_cached(&shape.sql).map_err(driver_error)?;
        let values = arguments.values();
        if statement.parameter_count() != values.len() {
            return Err(driver_error(rusqlite::Error::InvalidParameterCount(
                values.len(),
                statement.parameter_count(),
            )));
        }
        for (n, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(n + 1, bind_argument(value)).map_err(driver_error)?;
        }
        // A writing statement always runs to its end, because only then are all its rows known to be written.
        let writes = !statement.readonly();
        let mut found = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(driver_error)? {
            if wanted == FetchMode::All || (wanted == FetchMode::First && found.is_empty()) {
                found.push(read(shape, row)?);
            }
            if wanted != FetchMode::All && !writes {
                break;
            }
        }
        drop(rows);
        let rows_affected = if writes { self.connection.changes() } else { 0 };
        Ok(StatementOutput { rows: found, result: SqlQueryResult { rows_affected } })
    }
}

/// Runs slow work while the runtime's other tasks continue on another thread.
fn off_runtime<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Rewrites `$1` as `?1`. No SQL of this program has a dollar sign before a digit elsewhere.
fn number_parameters(sql: &str) -> String {
    let digit_follows = |n: usize| sql.as_bytes().get(n + 1).is_some_and(u8::is_ascii_digit);
    sql.char_indices().map(|(n, c)| if c == '$' && digit_follows(n) { '?' } else { c }).collect()
}

fn bind_sql_value<'c>(cell: &'c SqlValue<'_>) -> ToSqlOutput<'c> {
    ToSqlOutput::Borrowed(match cell {
        SqlValue::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
        SqlValue::Text(None) => ValueRef::Null,
        SqlValue::Number(number) => ValueRef::Integer(*number),
    })
}

fn bind_argument(value: &SqlArgument) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        SqlArgument::Null(_) => ValueRef::Null,
        SqlArgument::Text(text) => ValueRef::Text(text.as_bytes()),
        SqlArgument::Integer(number) => ValueRef::Integer(i64::from(*number)),
        SqlArgument::BigInt(number) => ValueRef::Integer(*number),
        SqlArgument::Double(number) => ValueRef::Real(*number),
    })
}

fn read(shape: &StatementInfo, row: &Row<'_>) -> Result<SqlRow, sqlx::Error> {
    let values = (0..shape.column_names.len()).map(|n| {
        Ok(match row.get_ref(n).map_err(driver_error)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => {
                let text = std::str::from_utf8(text).map_err(|e| sqlx::Error::Decode(e.into()))?;
                Value::Text(text.to_owned())
            }
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    });
    let values = values.collect::<Result<_, sqlx::Error>>()?;
    Ok(SqlRow::of_file(shape.column_names.clone(), values))
}

/// Whether another process holds the lock for writing.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let refused = error.as_database_error().and_then(|error| error.try_downcast_ref::<SqliteError>());
    refused.is_some_and(|refused| refused.code.code == rusqlite::ErrorCode::DatabaseBusy)
}

fn driver_error(error: rusqlite::Error) -> sqlx::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let message = message.unwrap_or_else(|| code.to_string());
            sqlx::Error::Database(Box::new(SqliteError { code, message }))
        }
        other => sqlx::Error::AnyDriverError(Box::new(other)),
    }
}

/// An error that `SQLite` itself reported.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLite {})", .code.extended_code)]
struct SqliteError {
    code: rusqlite::ffi::Error,
    message: String,
}

impl DatabaseError for SqliteError {
    fn message(&self) -> &str {
        &self.message
    }

    fn kind(&self) -> ErrorKind {
        use rusqlite::ffi;
        match self.code.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => ErrorKind::UniqueViolation,
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
            ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorKind::NotNullViolation,
            ffi::SQLITE_CONSTRAINT_CHECK => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }
}

#[cfg(test)]
#[path = "sqlite_tests.rs"]
mod tests;
