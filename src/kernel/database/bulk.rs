//! Many rows in few statements, for imports.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use sqlx::any::AnyArguments;
use sqlx::{Arguments as _, AssertSqlSafe};

use super::super::{Timestamp, Tx};
use super::connection::Read;
use super::{Connection, Dialect};

/// A value of a row.
#[derive(Debug, Clone)]
pub enum Cell<'a> {
    /// Text, or none.
    Text(Option<Cow<'a, str>>),
    /// A count, a flag, a time.
    Number(i64),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(text.into()))
    }
}

impl From<Option<String>> for Cell<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::from))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Cell<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Number(time.0)
    }
}

/// Values that are looked for in one statement at most.
const AT_ONCE: usize = 160;

/// Rows in one statement at most, where a column of all of them is one value.
const ROWS_AT_ONCE: usize = 1000;

/// Executes `head` with all rows, in as few ways to the database as is fast. `head` is a literal of the code,
/// `INSERT INTO …(…)`; values are only ever bound.
///
/// # Errors
/// The database's; some of the rows may be in the unit of work then.
pub async fn insert_all<'a, R>(tx: &mut Tx, head: &'static str, rows: Vec<R>) -> Result<(), sqlx::Error>
where
    R: IntoIterator<Item = Cell<'a>, IntoIter: ExactSizeIterator + Send> + Send,
{
    insert(tx, head, ("", ""), rows).await.map(drop)
}

/// The same for rows of which some may be there already, by any rule of the table: which were not, by their first
/// column, a text called `id`.
///
/// # Errors
/// The database's; some of the rows may be in the unit of work then.
pub async fn insert_new<'a, R>(
    tx: &mut Tx,
    head: &'static str,
    rows: Vec<R>,
) -> Result<HashSet<String>, sqlx::Error>
where
    R: IntoIterator<Item = Cell<'a>, IntoIter: ExactSizeIterator + Send> + Send,
{
    let tails = (" ON CONFLICT DO NOTHING", " ON CONFLICT DO NOTHING RETURNING id");
    Ok(insert(tx, head, tails, rows).await?.into_iter().collect())
}

/// Executes `head` with all rows and, on SQLite and on PostgreSQL, what comes after them: the ids of those that were
/// written, which PostgreSQL tells only where it is asked for them.
async fn insert<'a, R>(
    tx: &mut Tx,
    head: &'static str,
    (on_sqlite, on_postgres): (&'static str, &'static str),
    rows: Vec<R>,
) -> Result<Vec<String>, sqlx::Error>
where
    R: IntoIterator<Item = Cell<'a>, IntoIter: ExactSizeIterator + Send> + Send,
{
    match &mut **tx {
        Connection::Embedded(file) => file.insert((head, on_sqlite), rows).await,
        Connection::Remote(server) => {
            let mut written = Vec::new();
            for columns in in_columns(rows) {
                let ids = server.insert::<(String,)>((head, on_postgres), columns).await?;
                written.extend(ids.into_iter().map(|(id,)| id));
            }
            Ok(written)
        }
    }
}

/// Rows as columns, for some of them at a time.
fn in_columns<'a, R>(rows: Vec<R>) -> Vec<Vec<Vec<Cell<'a>>>>
where
    R: IntoIterator<Item = Cell<'a>, IntoIter: ExactSizeIterator>,
{
    let mut rows = rows.into_iter().map(IntoIterator::into_iter).peekable();
    let mut all = Vec::new();
    while let Some(width) = rows.peek().map(ExactSizeIterator::len) {
        let mut columns = vec![Vec::new(); width];
        for row in rows.by_ref().take(ROWS_AT_ONCE) {
            for (column, cell) in columns.iter_mut().zip(row) {
                column.push(cell);
            }
        }
        all.push(columns);
    }
    all
}

/// Writes two rows together: both, or neither and the unit of work is spent. On PostgreSQL it is one way to the database.
/// Each `head` is a literal of the code, `INSERT INTO …(…)`; values are only ever bound.
///
/// # Errors
/// The database's.
pub async fn insert_together(
    tx: &mut Tx,
    [(first, one), (second, other)]: [(&'static str, Vec<Cell<'_>>); 2],
) -> Result<(), sqlx::Error> {
    match tx.dialect() {
        Dialect::Sqlite => {
            insert_all(tx, first, vec![one]).await?;
            insert_all(tx, second, vec![other]).await
        }
        Dialect::Postgres => {
            let mut statement = Statement::new(format!("WITH first AS ({first} VALUES ("));
            statement.list(one);
            statement.sql.extend([")) ", second, " VALUES ("]);
            statement.list(other);
            statement.sql.push(')');
            let (sql, arguments) = statement.finish();
            sqlx::query_with(sql, arguments).execute(&mut **tx).await.map(drop)
        }
    }
}

/// Which of `wanted` there are: `head` selects one text column, takes `first` as `$1` and ends in `IN`.
///
/// # Errors
/// The database's.
pub async fn present(
    c: &mut Connection,
    head: &'static str,
    first: &str,
    wanted: &[String],
) -> Result<HashSet<String>, sqlx::Error> {
    Ok(rows_by::<(String,)>(c, head, &[first], wanted).await?.into_iter().map(|(text,)| text).collect())
}

/// The second column for each of `wanted` that is found: `head` selects two text columns, the first of them the one that
/// is looked for, takes `firsts` as `$1` and so on, and ends in `IN`.
///
/// # Errors
/// The database's.
pub async fn found_by(
    c: &mut Connection,
    head: &'static str,
    firsts: &[&str],
    wanted: &[String],
) -> Result<HashMap<String, String>, sqlx::Error> {
    Ok(rows_by::<(String, String)>(c, head, firsts, wanted).await?.into_iter().collect())
}

/// The rows of `wanted` that are found: `head` takes `firsts` as `$1` and so on, and ends in `IN`.
///
/// # Errors
/// The database's.
pub async fn rows_by<T: Read>(
    c: &mut Connection,
    head: &'static str,
    firsts: &[&str],
    wanted: &[String],
) -> Result<Vec<T>, sqlx::Error> {
    let firsts: Vec<_> = firsts.iter().map(|text| Cell::from(*text)).collect();
    listed(c, (head, ""), &firsts, wanted).await
}

/// Executes a statement that returns one text column for each of `wanted` that it did something for: `head` takes
/// `firsts` as `$1` and so on, and ends in `IN`; `tail` comes after the list. Both are literals of the code.
///
/// # Errors
/// The database's.
pub async fn done_for(
    tx: &mut Tx,
    head_and_tail: (&'static str, &'static str),
    firsts: &[Cell<'_>],
    wanted: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    let rows = listed::<(String,)>(tx, head_and_tail, firsts, wanted).await?;
    Ok(rows.into_iter().map(|(text,)| text).collect())
}

async fn listed<T: Read>(
    c: &mut Connection,
    (head, tail): (&'static str, &'static str),
    firsts: &[Cell<'_>],
    wanted: &[String],
) -> Result<Vec<T>, sqlx::Error> {
    let mut found = Vec::new();
    if let Some(server) = c.remote() {
        for some in wanted.chunks(ROWS_AT_ONCE) {
            found.extend(server.read_listed((head, tail), firsts, some).await?);
        }
        return Ok(found);
    }
    for some in wanted.chunks(AT_ONCE) {
        let mut statement = Statement::new(format!("{head} ("));
        statement.cells.extend(firsts.iter().cloned());
        statement.list(some.iter().map(|text| Cell::from(text.as_str())));
        statement.sql.extend([") ", tail]);
        let (sql, arguments) = statement.finish();
        found.extend(sqlx::query_as_with(sql, arguments).fetch_all(&mut *c).await?);
    }
    Ok(found)
}

/// Tells the database that tables, named in the code, have grown by much in a short time.
///
/// # Errors
/// The database's.
pub async fn have_grown(tx: &mut Tx, tables: &'static [&'static str]) -> Result<(), sqlx::Error> {
    let Some(verb) = tx.dialect().look_again() else { return Ok(()) };
    for table in tables {
        let sql = AssertSqlSafe(format!("{verb}{table}"));
        sqlx::query(sql).execute(&mut **tx).await?;
    }
    Ok(())
}

struct Statement<'a> {
    sql: String,
    cells: Vec<Cell<'a>>,
}

impl<'a> Statement<'a> {
    fn new(head: String) -> Self {
        Self { sql: head, cells: Vec::with_capacity(AT_ONCE) }
    }

    fn list(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        for (n, cell) in cells.into_iter().enumerate() {
            self.cells.push(cell);
            if n > 0 {
                self.sql.push(',');
            }
            // Writing into a String does not fail.
            let _ = write!(self.sql, "${}", self.cells.len());
        }
    }

    fn finish(self) -> (AssertSqlSafe<String>, AnyArguments) {
        let mut arguments = AnyArguments::default();
        for cell in self.cells {
            let added = match cell {
                Cell::Text(text) => arguments.add(text.map(Cow::into_owned)),
                Cell::Number(number) => arguments.add(number),
            };
            debug_assert!(added.is_ok(), "texts and numbers always encode");
        }
        (AssertSqlSafe(self.sql), arguments)
    }
}
