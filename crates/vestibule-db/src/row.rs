//! Rows of either database. A value stays in its driver's form until it is read.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use rusqlite::types::Value as FileValue;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgValue, PgValueRef};
use sqlx::{ColumnIndex, Decode, Error, Postgres, Row, Type, Value, ValueRef};

use crate::sql_database::{NoColumn, Sql, SqlTypeInfo};

/// A row of a statement's result.
pub struct SqlRow(Origin);

enum Origin {
    File { names: Arc<[Box<str>]>, values: Vec<FileValue> },
    Server(PgRow),
}

impl SqlRow {
    /// A row from `SQLite`, with as many names as values.
    pub(crate) fn of_file(names: Arc<[Box<str>]>, values: Vec<FileValue>) -> Self {
        Self(Origin::File { names, values })
    }

    pub(crate) fn of_server(row: PgRow) -> Self {
        Self(Origin::Server(row))
    }
}

impl fmt::Debug for SqlRow {
    /// Omits the values, which may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlRow").field("columns", &self.len()).finish_non_exhaustive()
    }
}

impl Row for SqlRow {
    type Database = Sql;

    fn len(&self) -> usize {
        match &self.0 {
            Origin::File { values, .. } => values.len(),
            Origin::Server(row) => row.len(),
        }
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Always empty: columns are not described.
    fn columns(&self) -> &[NoColumn] {
        &[]
    }

    fn try_column<I: ColumnIndex<Self>>(&self, index: I) -> Result<&NoColumn, Error> {
        Err(Error::ColumnNotFound(format!("{index:?}")))
    }

    fn try_get_raw<I: ColumnIndex<Self>>(&self, index: I) -> Result<SqlValueRef<'_>, Error> {
        let index = index.index(self)?;
        match &self.0 {
            Origin::File { values, .. } => match values.get(index) {
                Some(value) => Ok(SqlValueRef::File(value)),
                None => Err(Error::ColumnIndexOutOfBounds { index, len: values.len() }),
            },
            Origin::Server(row) => row.try_get_raw(index).map(SqlValueRef::Server),
        }
    }
}

impl ColumnIndex<SqlRow> for usize {
    fn index(&self, row: &SqlRow) -> Result<usize, Error> {
        let (index, len) = (*self, row.len());
        if index < len { Ok(index) } else { Err(Error::ColumnIndexOutOfBounds { index, len }) }
    }
}

impl ColumnIndex<SqlRow> for &str {
    fn index(&self, row: &SqlRow) -> Result<usize, Error> {
        match &row.0 {
            // If two columns have the same name, the last one counts.
            Origin::File { names, .. } => names
                .iter()
                .rposition(|name| **name == **self)
                .ok_or_else(|| Error::ColumnNotFound((*self).to_owned())),
            Origin::Server(row) => self.index(row),
        }
    }
}

/// A value of a row.
pub enum SqlValueRef<'r> {
    /// As `SQLite` gave it.
    File(&'r FileValue),
    /// As PostgreSQL sent it.
    Server(PgValueRef<'r>),
}

/// A value that is independent of its row.
pub enum OwnedSqlValue {
    /// As `SQLite` gave it.
    File(FileValue),
    /// As PostgreSQL sent it.
    Server(PgValue),
}

impl<'r> ValueRef<'r> for SqlValueRef<'r> {
    type Database = Sql;

    fn to_owned(&self) -> OwnedSqlValue {
        match self {
            Self::File(value) => OwnedSqlValue::File((*value).clone()),
            Self::Server(value) => OwnedSqlValue::Server(ValueRef::to_owned(value)),
        }
    }

    fn type_info(&self) -> Cow<'_, SqlTypeInfo> {
        Cow::Owned(SqlTypeInfo::AsStored)
    }

    fn is_null(&self) -> bool {
        match self {
            Self::File(value) => matches!(value, FileValue::Null),
            Self::Server(value) => value.is_null(),
        }
    }
}

impl Value for OwnedSqlValue {
    type Database = Sql;

    fn as_ref(&self) -> SqlValueRef<'_> {
        match self {
            Self::File(value) => SqlValueRef::File(value),
            Self::Server(value) => SqlValueRef::Server(value.as_ref()),
        }
    }

    fn type_info(&self) -> Cow<'_, SqlTypeInfo> {
        Cow::Owned(SqlTypeInfo::AsStored)
    }

    fn is_null(&self) -> bool {
        self.as_ref().is_null()
    }
}

fn unexpected(wanted: SqlTypeInfo, found: &FileValue) -> BoxDynError {
    format!("expected {wanted}, found {}", found.data_type()).into()
}

/// Decodes a value from PostgreSQL if its type is compatible.
fn of_server<'r, T>(value: PgValueRef<'r>, is_compatible: bool) -> Result<T, BoxDynError>
where
    T: Decode<'r, Postgres>,
{
    if is_compatible {
        return T::decode(value);
    }
    let found = value.type_info();
    Err(format!("cannot read {} from {found}", std::any::type_name::<T>()).into())
}

/// Integers of any width can be decoded as each other, if the value fits.
fn is_integer(value: &PgValueRef<'_>) -> bool {
    let found = value.type_info();
    <i64 as Type<Postgres>>::compatible(&found)
        || <i32 as Type<Postgres>>::compatible(&found)
        || <i16 as Type<Postgres>>::compatible(&found)
}

impl<'r> Decode<'r, Sql> for &'r str {
    fn decode(value: SqlValueRef<'r>) -> Result<Self, BoxDynError> {
        match value {
            SqlValueRef::File(FileValue::Text(text)) => Ok(text),
            SqlValueRef::File(other) => Err(unexpected(SqlTypeInfo::Text, other)),
            SqlValueRef::Server(value) => {
                let is_text = <str as Type<Postgres>>::compatible(&value.type_info());
                of_server(value, is_text)
            }
        }
    }
}

impl Decode<'_, Sql> for String {
    fn decode(value: SqlValueRef<'_>) -> Result<Self, BoxDynError> {
        <&str as Decode<Sql>>::decode(value).map(str::to_owned)
    }
}

impl Decode<'_, Sql> for i64 {
    fn decode(value: SqlValueRef<'_>) -> Result<Self, BoxDynError> {
        match value {
            SqlValueRef::File(FileValue::Integer(number)) => Ok(*number),
            SqlValueRef::File(other) => Err(unexpected(SqlTypeInfo::BigInt, other)),
            SqlValueRef::Server(value) => {
                let is_integer = is_integer(&value);
                of_server(value, is_integer)
            }
        }
    }
}

impl Decode<'_, Sql> for i32 {
    fn decode(value: SqlValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(<i64 as Decode<Sql>>::decode(value)?.try_into()?)
    }
}

impl Decode<'_, Sql> for f64 {
    fn decode(value: SqlValueRef<'_>) -> Result<Self, BoxDynError> {
        match value {
            SqlValueRef::File(FileValue::Real(number)) => Ok(*number),
            SqlValueRef::File(other) => Err(unexpected(SqlTypeInfo::Double, other)),
            SqlValueRef::Server(value) => {
                let is_double = <f64 as Type<Postgres>>::compatible(&value.type_info());
                of_server(value, is_double)
            }
        }
    }
}
