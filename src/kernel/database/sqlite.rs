//! `SQLite` in this process, on the thread of whoever asks (decision 21).
//!
//! A statement here takes some microseconds. A driver that has a thread of its own takes longer than that to wake it and
//! to be woken by it, for each statement. So statements run where the request runs, like any other code, and only what
//! took long the last time goes aside: a statement, or a commit that waits for the disk.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, Row};
use sqlx::any::{AnyArguments, AnyQueryResult, AnyRow, AnyTypeInfo, AnyTypeInfoKind, AnyValue};
use sqlx_core::any::{AnyColumn, AnyValueKind};
use sqlx_core::error::{DatabaseError, ErrorKind};
use sqlx_core::ext::ustr::UStr;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::Durability;
use super::bulk::SqlValue;
use super::connection::{FetchMode, StatementOutput};

/// Statements that stay prepared, for each connection.
const STATEMENT_CACHE_SIZE: usize = 128;
/// What takes longer than this is done aside the next time.
const SLOW_THRESHOLD: Duration = Duration::from_millis(2);
/// More rows than this are written aside.
const MAX_INLINE_ROWS: usize = 50;
/// How long one task may go on with statements before others get their turn.
const TIME_BUDGET: Duration = Duration::from_millis(1);

/// One connection to the database file.
#[derive(Debug)]
pub struct SqliteConn {
    connection: rusqlite::Connection,
    statements: HashMap<Box<str>, Arc<StatementInfo>>,
    /// Spent in statements since the connection was lent, or since others had their turn.
    time_used: Duration,
    /// A statement took long since the last commit.
    slow_statement: bool,
    /// The last commit that waited for the disk took long.
    disk_is_slow: bool,
}

/// What is known of a statement.
#[derive(Debug)]
struct StatementInfo {
    /// As `SQLite` finds its parameters fastest: `?1` is a number, `$1` a name that is looked for in a list.
    sql: String,
    names: Arc<sqlx_core::HashMap<UStr, usize>>,
    columns: Vec<AnyColumn>,
    /// It took long the last time.
    was_slow: AtomicBool,
}

impl SqliteConn {
    /// A connection that writes, each commit to disk; commits are shared.
    ///
    /// It never waits for another process inside `SQLite`, with a thread of ours: whoever begins asks again.
    pub(super) fn writer(file: &Path) -> Result<Self, sqlx::Error> {
        // What a large unit of work changes stays in the cache of 16 MB until its commit, instead of going to the log and
        // being read from it again. What undoes a unit of work that shares a commit stays in memory, too, instead of
        // becoming a file for each. `RETURNING` opens the temporary database, which each commit empties again, place by
        // place, unless something is in it.
        let own = "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 0; \
                   PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; CREATE TEMP TABLE kept (id)";
        let embedded = Self::open(file, own)?;
        embedded.set_durability(Durability::Full)?;
        Ok(embedded)
    }

    /// A connection that reads and refuses to write.
    pub(super) fn reader(file: &Path) -> Result<Self, sqlx::Error> {
        // Of a million users a thousand who are looked up lie in as many pages, and those of the index: more than the two
        // megabytes that are kept by default.
        Self::open(file, "PRAGMA query_only = ON; PRAGMA cache_size = -8000")
    }

    fn open(file: &Path, pragmas: &'static str) -> Result<Self, sqlx::Error> {
        // The file was made before, for its owner only: without it something is wrong.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(file, flags).map_err(driver_error)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
        // For the moment in which another process opens, closes or repairs the file.
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

    /// Executes one statement without values or rows, a literal of this program.
    pub(super) fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let done = self.connection.prepare_cached(sql).and_then(|mut statement| {
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
            Ok(())
        });
        done.map_err(driver_error)
    }

    /// The same for one that waits for the disk: aside, unless the disk was fast the last time.
    pub(super) fn run_durably(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let begun = Instant::now();
        let done = if self.disk_is_slow { off_runtime(|| self.run(sql)) } else { self.run(sql) };
        self.disk_is_slow = begun.elapsed() > SLOW_THRESHOLD;
        done
    }

    /// How the commits from now on are kept. `FULL` syncs the log at each one, `NORMAL` leaves that to the next one that
    /// does. The log may grow to 40 MB before its pages go to where they belong, as most change again and again
    /// meanwhile; they go with a commit that waits for the disk anyway, or, where none comes, at 48 MB.
    pub(super) fn set_durability(&self, durability: Durability) -> Result<(), sqlx::Error> {
        // Not kept prepared: these take effect when they are prepared.
        let done = self.connection.execute_batch(match durability {
            Durability::Full => "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 10000",
            Durability::Relaxed => "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 12000",
        });
        done.map_err(driver_error)
    }

    /// Whoever has it from now on starts a turn.
    pub(super) fn reset_time_budget(&mut self) {
        self.time_used = Duration::ZERO;
    }

    /// Whether a statement has taken long since this was asked last: there is much to commit.
    pub(super) fn had_slow_statement(&mut self) -> bool {
        std::mem::take(&mut self.slow_statement)
    }

    /// Executes one statement. It is done at the first poll.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        arguments: &AnyArguments,
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

    /// Lets others have their turn when this one was long.
    async fn charge_time(&mut self, took: Duration) {
        self.slow_statement |= took > SLOW_THRESHOLD;
        self.time_used += took;
        if self.time_used > TIME_BUDGET {
            self.time_used = Duration::ZERO;
            tokio::task::yield_now().await;
        }
    }

    /// Executes `head`, `INSERT INTO …(…)`, with each of these rows, and `tail` after it. The first values of those that
    /// were written, where they are texts.
    ///
    /// One row at a time: of several in one statement `SQLite` keeps what it takes to undo them.
    pub(super) async fn insert<'a, R>(
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
        let names: Vec<UStr> = statement.column_names().into_iter().map(UStr::new).collect();
        drop(statement);
        let type_info = AnyTypeInfo { kind: AnyTypeInfoKind::Null };
        let shape = Arc::new(StatementInfo {
            sql: numbered,
            names: Arc::new(names.iter().cloned().zip(0..).collect()),
            columns: names
                .into_iter()
                .enumerate()
                .map(|(ordinal, name)| AnyColumn { ordinal, name, type_info: type_info.clone() })
                .collect(),
            was_slow: AtomicBool::new(false),
        });
        // Texts that are put together from conditions have more shapes than are worth keeping.
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
        arguments: &AnyArguments,
        wanted: FetchMode,
    ) -> Result<StatementOutput, sqlx::Error> {
        let mut statement = self.connection.prepare_cached(&shape.sql).map_err(driver_error)?;
        let values = &arguments.values.0;
        if statement.parameter_count() != values.len() {
            return Err(driver_error(rusqlite::Error::InvalidParameterCount(
                values.len(),
                statement.parameter_count(),
            )));
        }
        for (n, value) in values.iter().enumerate() {
            statement.raw_bind_parameter(n + 1, bind_any_value(value)?).map_err(driver_error)?;
        }
        // A statement that writes is always taken to its end: only there is it known to be written.
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
        Ok(StatementOutput { rows: found, result: AnyQueryResult { rows_affected, last_insert_id: None } })
    }
}

/// Work that takes long: the runtime's other tasks go on in another thread meanwhile.
fn off_runtime<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// `$1` as `?1`. No text of this program has a dollar sign before a digit elsewhere.
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

fn bind_any_value(value: &AnyValueKind) -> Result<ToSqlOutput<'_>, sqlx::Error> {
    let value = match value {
        AnyValueKind::Null(_) => ValueRef::Null,
        AnyValueKind::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
        AnyValueKind::SmallInt(number) => ValueRef::Integer(i64::from(*number)),
        AnyValueKind::Integer(number) => ValueRef::Integer(i64::from(*number)),
        AnyValueKind::BigInt(number) => ValueRef::Integer(*number),
        AnyValueKind::Real(number) => ValueRef::Real(f64::from(*number)),
        AnyValueKind::Double(number) => ValueRef::Real(*number),
        AnyValueKind::Text(text) => ValueRef::Text(text.as_bytes()),
        AnyValueKind::TextSlice(text) => ValueRef::Text(text.as_bytes()),
        AnyValueKind::Blob(bytes) => ValueRef::Blob(bytes),
        other => return Err(sqlx::Error::Encode(format!("{other:?} cannot be bound").into())),
    };
    Ok(ToSqlOutput::Borrowed(value))
}

fn read(shape: &StatementInfo, row: &Row<'_>) -> Result<AnyRow, sqlx::Error> {
    let values = (0..shape.columns.len()).map(|n| {
        let kind = match row.get_ref(n).map_err(driver_error)? {
            ValueRef::Null => AnyValueKind::Null(AnyTypeInfoKind::Null),
            ValueRef::Integer(number) => AnyValueKind::BigInt(number),
            ValueRef::Real(number) => AnyValueKind::Double(number),
            ValueRef::Text(text) => {
                let text = std::str::from_utf8(text).map_err(|e| sqlx::Error::Decode(e.into()))?;
                AnyValueKind::Text(Arc::new(text.to_owned()))
            }
            ValueRef::Blob(bytes) => AnyValueKind::Blob(Arc::new(bytes.to_vec())),
        };
        Ok(AnyValue { kind })
    });
    Ok(AnyRow {
        column_names: shape.names.clone(),
        columns: shape.columns.clone(),
        values: values.collect::<Result<_, sqlx::Error>>()?,
    })
}

/// Whether another process holds the lock for writing.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
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

/// An error of `SQLite`'s own, with its message.
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
