//! Statements that read or write many rows at once, for imports and directory syncs.
//!
//! They serve the benchmarks *import of 100,000 users*, *LDAP group sync* (its first run) and
//! *requiring two-factor authentication from 1,000,000 users* of `docs/benchmarks.md`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sqlx::{Arguments as _, AssertSqlSafe, Decode, FromRow, Row as _, Type};

use crate::DbConn;
use crate::Tx;
use crate::arguments::SqlArguments;
use crate::row::SqlRow;
use crate::sql_database::Sql;
use crate::value::SqlValue;

/// The limit on listed values in one statement on `SQLite`, where each is a parameter of its own.
const MAX_LIST_PARAMETERS: usize = 160;

/// The limit on rows or listed values in one statement on PostgreSQL, which binds them as arrays.
const MAX_ARRAY_ROWS: usize = 1000;

/// Inserts all rows in as few round trips as is fast. `head` is a literal of the code, `INSERT INTO …(…)`;
/// values are only ever bound.
pub async fn insert_all<'a, R>(tx: &mut Tx, head: &'static str, rows: Vec<R>) -> Result<(), sqlx::Error>
where
    R: IntoIterator<Item = SqlValue<'a>, IntoIter: ExactSizeIterator + Send> + Send,
{
    insert(tx, head, "", "", rows).await.map(drop)
}

/// Like [`insert_all`], but skips rows that conflict with an existing one under any constraint of the table.
/// Returns the ids of the inserted rows; the first column must be a text called `id`.
pub async fn insert_new<'a, R>(
    tx: &mut Tx,
    head: &'static str,
    rows: Vec<R>,
) -> Result<HashSet<String>, sqlx::Error>
where
    R: IntoIterator<Item = SqlValue<'a>, IntoIter: ExactSizeIterator + Send> + Send,
{
    let tails = (" ON CONFLICT DO NOTHING", " ON CONFLICT DO NOTHING RETURNING id");
    Ok(insert(tx, head, tails.0, tails.1, rows).await?.into_iter().collect())
}

/// Inserts the rows with `on_sqlite` or `on_postgres` at the end of the statement. Returns the ids of the
/// inserted rows, which PostgreSQL reports only if `on_postgres` has a `RETURNING` clause.
async fn insert<'a, R>(
    tx: &mut Tx,
    head: &'static str,
    on_sqlite: &'static str,
    on_postgres: &'static str,
    rows: Vec<R>,
) -> Result<Vec<String>, sqlx::Error>
where
    R: IntoIterator<Item = SqlValue<'a>, IntoIter: ExactSizeIterator + Send> + Send,
{
    match &mut **tx {
        DbConn::Sqlite(file) => file.insert(head, on_sqlite, rows).await,
        DbConn::Postgres(server) => {
            let mut written = Vec::new();
            for columns in in_columns(rows) {
                let ids = server.insert(head, on_postgres, columns).await?;
                written.extend(ids.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?);
            }
            Ok(written)
        }
    }
}

/// Transposes rows into columns, in batches of at most `MAX_ARRAY_ROWS` rows.
fn in_columns<'a, R>(rows: Vec<R>) -> Vec<Vec<Vec<SqlValue<'a>>>>
where
    R: IntoIterator<Item = SqlValue<'a>, IntoIter: ExactSizeIterator>,
{
    let mut rows = rows.into_iter().map(IntoIterator::into_iter).peekable();
    let mut all = Vec::new();
    while let Some(width) = rows.peek().map(ExactSizeIterator::len) {
        let mut columns = vec![Vec::new(); width];
        for row in rows.by_ref().take(MAX_ARRAY_ROWS) {
            for (column, cell) in columns.iter_mut().zip(row) {
                column.push(cell);
            }
        }
        all.push(columns);
    }
    all
}

/// A row to be inserted.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// `INSERT INTO …(…)`, a literal of the code.
    pub head: &'static str,
    /// One value per column. Values are only ever bound.
    pub values: Vec<SqlValue<'a>>,
}

/// Inserts two rows, on PostgreSQL in one statement. After an error the caller must drop the unit of work,
/// because on `SQLite` the first row may already be in it.
pub async fn insert_pair(c: &mut DbConn, first: NewRow<'_>, second: NewRow<'_>) -> Result<(), sqlx::Error> {
    match c {
        DbConn::Sqlite(file) => {
            file.insert(first.head, "", vec![first.values]).await?;
            file.insert(second.head, "", vec![second.values]).await.map(drop)
        }
        DbConn::Postgres(_) => {
            let mut statement = Statement::new(format!("WITH first AS ({} VALUES (", first.head));
            statement.list(first.values);
            statement.sql.extend([")) ", second.head, " VALUES ("]);
            statement.list(second.values);
            statement.sql.push(')');
            let (sql, arguments) = statement.finish();
            sqlx::query_with(sql, arguments).execute(c).await.map(drop)
        }
    }
}

/// Returns those of `wanted` that exist. `head` selects one text column, takes `first` as `$1` and ends in
/// `IN`.
pub async fn existing(
    c: &mut DbConn,
    head: &'static str,
    first: &str,
    wanted: &[String],
) -> Result<HashSet<String>, sqlx::Error> {
    Ok(fetch_where_in::<(String,)>(c, head, &[first], wanted)
        .await?
        .into_iter()
        .map(|(text,)| text)
        .collect())
}

/// Maps each of `wanted` that is found to its second column. `head` selects two text columns, of which the
/// first is compared with `wanted`, takes `firsts` as `$1` and so on, and ends in `IN`.
pub async fn lookup_map<V>(
    c: &mut DbConn,
    head: &'static str,
    firsts: &[&str],
    wanted: &[String],
) -> Result<HashMap<String, V>, sqlx::Error>
where
    V: for<'r> Decode<'r, Sql> + Type<Sql> + Send + Unpin,
{
    Ok(fetch_where_in::<(String, V)>(c, head, firsts, wanted).await?.into_iter().collect())
}

/// Returns the rows that match one of `wanted`. `head` takes `firsts` as `$1` and so on, and ends in `IN`.
pub async fn fetch_where_in<T: for<'r> FromRow<'r, SqlRow> + Send + Unpin>(
    c: &mut DbConn,
    head: &'static str,
    firsts: &[&str],
    wanted: &[String],
) -> Result<Vec<T>, sqlx::Error> {
    let firsts: Vec<_> = firsts.iter().map(|text| SqlValue::from(*text)).collect();
    query_where_in(c, head, "", &firsts, wanted).await
}

/// Executes a statement on the rows that match one of `wanted` and returns one text column for each row that
/// it changed. `head` takes `firsts` as `$1` and so on, and ends in `IN`; `tail` follows the list. Both are
/// literals of the code.
pub async fn execute_where_in(
    tx: &mut Tx,
    head: &'static str,
    tail: &'static str,
    firsts: &[SqlValue<'_>],
    wanted: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    let rows = query_where_in::<(String,)>(tx, head, tail, firsts, wanted).await?;
    Ok(rows.into_iter().map(|(text,)| text).collect())
}

async fn query_where_in<T: for<'r> FromRow<'r, SqlRow> + Send + Unpin>(
    c: &mut DbConn,
    head: &'static str,
    tail: &'static str,
    firsts: &[SqlValue<'_>],
    wanted: &[String],
) -> Result<Vec<T>, sqlx::Error> {
    let mut found = Vec::new();
    if let Some(server) = c.postgres() {
        for some in wanted.chunks(MAX_ARRAY_ROWS) {
            for row in server.fetch_where_in(head, tail, firsts, some).await? {
                found.push(T::from_row(&row)?);
            }
        }
        return Ok(found);
    }
    for some in wanted.chunks(MAX_LIST_PARAMETERS) {
        let mut statement = Statement::new(format!("{head} ("));
        statement.values.extend(firsts.iter().cloned());
        statement.list(some.iter().map(|text| SqlValue::from(text.as_str())));
        statement.sql.extend([") ", tail]);
        let (sql, arguments) = statement.finish();
        found.extend(sqlx::query_as_with(sql, arguments).fetch_all(&mut *c).await?);
    }
    Ok(found)
}

/// Updates the planner's statistics of tables that have grown by much in a short time. The names are literals
/// of the code.
pub async fn analyze_tables(tx: &mut Tx, tables: &'static [&'static str]) -> Result<(), sqlx::Error> {
    let Some(verb) = tx.dialect().analyze_command() else { return Ok(()) };
    for table in tables {
        let sql = AssertSqlSafe(format!("{verb}{table}"));
        sqlx::query(sql).execute(&mut **tx).await?;
    }
    Ok(())
}

struct Statement<'a> {
    sql: String,
    values: Vec<SqlValue<'a>>,
}

impl<'a> Statement<'a> {
    fn new(head: String) -> Self {
        Self { sql: head, values: Vec::with_capacity(MAX_LIST_PARAMETERS) }
    }

    fn list(&mut self, cells: impl IntoIterator<Item = SqlValue<'a>>) {
        for (n, cell) in cells.into_iter().enumerate() {
            self.values.push(cell);
            if n > 0 {
                self.sql.push(',');
            }
            // Writing into a String does not fail.
            let _ = write!(self.sql, "${}", self.values.len());
        }
    }

    fn finish(self) -> (AssertSqlSafe<String>, SqlArguments) {
        let mut arguments = SqlArguments::default();
        for cell in self.values {
            let added = match cell {
                SqlValue::Text(text) => arguments.add(text.map(Cow::into_owned)),
                SqlValue::Number(number) => arguments.add(number),
            };
            debug_assert!(added.is_ok(), "texts and numbers always encode");
        }
        (AssertSqlSafe(self.sql), arguments)
    }
}
