//! The database type of sqlx's queries in this program, whichever of the two databases is behind it (decision
//! 27).
//!
//! sqlx's `Database` trait demands more than this crate needs: connections that sqlx opens, prepared
//! statements, and descriptions of columns. The types for these have no values, so that the compiler proves
//! that their methods are never called.

use std::fmt;
use std::str::FromStr;

use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{
    Column, ColumnIndex, ConnectOptions, Connection, Database, Either, Error, FromRow, IntoArguments, SqlStr,
    Statement, Transaction, TypeInfo,
};
// sqlx does not re-export this name, although its `Database` trait demands it (decision 27).
use sqlx_core::transaction::TransactionManager;

use crate::arguments::{SqlArgumentBuffer, SqlArguments};
use crate::row::{OwnedSqlValue, SqlRow, SqlValueRef};

/// The database of `sqlx::query` and its variants in this program: `SQLite` or PostgreSQL.
#[derive(Debug)]
pub struct Sql;

impl Database for Sql {
    type Connection = NoConnection;
    type TransactionManager = NoTransactions;
    type Row = SqlRow;
    type QueryResult = SqlQueryResult;
    type Column = NoColumn;
    type TypeInfo = SqlTypeInfo;
    type Value = OwnedSqlValue;
    type ValueRef<'r> = SqlValueRef<'r>;
    type Arguments = SqlArguments;
    type ArgumentBuffer = SqlArgumentBuffer;
    type Statement = NoStatement;

    const NAME: &'static str = "SQL";
    const URL_SCHEMES: &'static [&'static str] = &[];
}

/// The result of a statement apart from its rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqlQueryResult {
    pub(crate) rows_affected: u64,
}

impl SqlQueryResult {
    /// The number of rows that a writing statement has written.
    #[must_use]
    pub fn rows_affected(self) -> u64 {
        self.rows_affected
    }
}

impl Extend<Self> for SqlQueryResult {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, results: T) {
        self.rows_affected += results.into_iter().map(|result| result.rows_affected).sum::<u64>();
    }
}

/// The type of a value, as far as it has to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlTypeInfo {
    /// TEXT.
    Text,
    /// INTEGER: four bytes.
    Integer,
    /// BIGINT: eight bytes.
    BigInt,
    /// DOUBLE PRECISION.
    Double,
    /// The type that the database reports. It stands for the value of a row, which is checked when it is
    /// decoded.
    AsStored,
}

impl TypeInfo for SqlTypeInfo {
    fn is_null(&self) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::Double => "DOUBLE PRECISION",
            Self::AsStored => "a value as stored",
        }
    }

    fn type_compatible(&self, other: &Self) -> bool {
        self == other || *other == Self::AsStored
    }
}

impl fmt::Display for SqlTypeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// sqlx opens no connections of this database. [`crate::Database`] does, and provides [`crate::DbConn`].
#[derive(Debug)]
pub enum NoConnection {}

impl Connection for NoConnection {
    type Database = Sql;
    type Options = NoOptions;

    async fn close(self) -> Result<(), Error> {
        match self {}
    }

    async fn close_hard(self) -> Result<(), Error> {
        match self {}
    }

    async fn ping(&mut self) -> Result<(), Error> {
        match *self {}
    }

    async fn begin(&mut self) -> Result<Transaction<'_, Sql>, Error> {
        match *self {}
    }

    fn shrink_buffers(&mut self) {
        match *self {}
    }

    async fn flush(&mut self) -> Result<(), Error> {
        match *self {}
    }

    fn should_flush(&self) -> bool {
        match *self {}
    }
}

/// sqlx's connection options, of which there are none.
#[derive(Debug, Clone)]
pub enum NoOptions {}

fn no_connection() -> Error {
    Error::Configuration("only vestibule_db::Database provides connections".into())
}

impl FromStr for NoOptions {
    type Err = Error;

    fn from_str(_url: &str) -> Result<Self, Error> {
        Err(no_connection())
    }
}

impl ConnectOptions for NoOptions {
    type Connection = NoConnection;

    fn from_url(_url: &sqlx_core::Url) -> Result<Self, Error> {
        Err(no_connection())
    }

    async fn connect(&self) -> Result<NoConnection, Error> {
        match *self {}
    }

    fn log_statements(self, _level: log::LevelFilter) -> Self {
        self
    }

    fn log_slow_statements(self, _level: log::LevelFilter, _duration: std::time::Duration) -> Self {
        self
    }
}

/// sqlx begins no transactions of this database. Units of work are [`crate::Tx`].
#[derive(Debug)]
pub enum NoTransactions {}

impl TransactionManager for NoTransactions {
    type Database = Sql;

    async fn begin(connection: &mut NoConnection, _statement: Option<SqlStr>) -> Result<(), Error> {
        match *connection {}
    }

    async fn commit(connection: &mut NoConnection) -> Result<(), Error> {
        match *connection {}
    }

    async fn rollback(connection: &mut NoConnection) -> Result<(), Error> {
        match *connection {}
    }

    fn start_rollback(connection: &mut NoConnection) {
        match *connection {}
    }

    fn get_transaction_depth(connection: &NoConnection) -> usize {
        match *connection {}
    }
}

/// Columns are found by name or position and are not described.
#[derive(Debug)]
pub enum NoColumn {}

impl Column for NoColumn {
    type Database = Sql;

    fn ordinal(&self) -> usize {
        match *self {}
    }

    fn name(&self) -> &str {
        match *self {}
    }

    fn type_info(&self) -> &SqlTypeInfo {
        match *self {}
    }
}

/// No statement is prepared ahead: each is prepared when it is first used, and then cached.
#[derive(Debug, Clone)]
pub enum NoStatement {}

impl Statement for NoStatement {
    type Database = Sql;

    fn into_sql(self) -> SqlStr {
        match self {}
    }

    fn sql(&self) -> &SqlStr {
        match *self {}
    }

    fn parameters(&self) -> Option<Either<&[SqlTypeInfo], usize>> {
        match *self {}
    }

    fn columns(&self) -> &[NoColumn] {
        match *self {}
    }

    fn try_column<I: ColumnIndex<Self>>(&self, _index: I) -> Result<&NoColumn, Error> {
        match *self {}
    }

    fn query(&self) -> Query<'_, Sql, SqlArguments> {
        match *self {}
    }

    fn query_with<A: IntoArguments<Sql>>(&self, _arguments: A) -> Query<'_, Sql, A> {
        match *self {}
    }

    fn query_as<O: for<'r> FromRow<'r, SqlRow>>(&self) -> QueryAs<'_, Sql, O, SqlArguments> {
        match *self {}
    }

    fn query_as_with<'s, O, A>(&'s self, _arguments: A) -> QueryAs<'s, Sql, O, A>
    where
        O: for<'r> FromRow<'r, SqlRow>,
        A: IntoArguments<Sql>,
    {
        match *self {}
    }

    fn query_scalar<O>(&self) -> QueryScalar<'_, Sql, O, SqlArguments>
    where
        (O,): for<'r> FromRow<'r, SqlRow>,
    {
        match *self {}
    }

    fn query_scalar_with<'s, O, A>(&'s self, _arguments: A) -> QueryScalar<'s, Sql, O, A>
    where
        (O,): for<'r> FromRow<'r, SqlRow>,
        A: IntoArguments<Sql>,
    {
        match *self {}
    }
}
