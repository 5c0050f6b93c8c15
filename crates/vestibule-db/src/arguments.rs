//! The values that are bound to a statement, for both drivers.

use std::borrow::Cow;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Encode, IntoArguments, Type};

use crate::sql_database::{Sql, SqlTypeInfo};

/// The bound values of a statement, in the order of `$1`, `$2` and so on.
#[derive(Debug, Default)]
pub struct SqlArguments(SqlArgumentBuffer);

/// The buffer into which values encode themselves.
#[derive(Debug, Default)]
pub struct SqlArgumentBuffer(Vec<SqlArgument>);

#[derive(Debug)]
pub(crate) enum SqlArgument {
    /// NULL with its type, which PostgreSQL needs to know.
    Null(SqlTypeInfo),
    Text(String),
    Integer(i32),
    BigInt(i64),
    Double(f64),
}

impl SqlArguments {
    pub(crate) fn values(&self) -> &[SqlArgument] {
        &self.0.0
    }

    /// Converts the values for PostgreSQL's driver.
    pub(crate) fn into_postgres(self) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for value in self.0.0 {
            let added = match value {
                SqlArgument::Text(text) => arguments.add(text),
                SqlArgument::Integer(number) => arguments.add(number),
                SqlArgument::BigInt(number) => arguments.add(number),
                SqlArgument::Double(number) => arguments.add(number),
                SqlArgument::Null(SqlTypeInfo::Text | SqlTypeInfo::AsStored) => arguments.add(None::<String>),
                SqlArgument::Null(SqlTypeInfo::Integer) => arguments.add(None::<i32>),
                SqlArgument::Null(SqlTypeInfo::BigInt) => arguments.add(None::<i64>),
                SqlArgument::Null(SqlTypeInfo::Double) => arguments.add(None::<f64>),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(arguments)
    }
}

impl Arguments for SqlArguments {
    type Database = Sql;

    fn reserve(&mut self, additional: usize, _size: usize) {
        self.0.0.reserve(additional);
    }

    fn add<'t, T: Encode<'t, Sql> + Type<Sql>>(&mut self, value: T) -> Result<(), BoxDynError> {
        // The buffer records a NULL together with its type, so this result adds nothing.
        let _: IsNull = value.encode(&mut self.0)?;
        Ok(())
    }

    fn len(&self) -> usize {
        self.0.0.len()
    }
}

impl IntoArguments<Sql> for SqlArguments {
    fn into_arguments(self) -> Self {
        self
    }
}

impl SqlArgumentBuffer {
    fn push(&mut self, value: SqlArgument) -> IsNull {
        let is_null = matches!(value, SqlArgument::Null(_));
        self.0.push(value);
        if is_null { IsNull::Yes } else { IsNull::No }
    }
}

impl<'q, T: Encode<'q, Sql> + Type<Sql>> Encode<'q, Sql> for Option<T> {
    fn encode(self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Some(value) => value.encode(buffer),
            None => Ok(buffer.push(SqlArgument::Null(T::type_info()))),
        }
    }

    fn encode_by_ref(&self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match self {
            Some(value) => value.encode_by_ref(buffer),
            None => Ok(buffer.push(SqlArgument::Null(T::type_info()))),
        }
    }
}

impl Type<Sql> for str {
    fn type_info() -> SqlTypeInfo {
        SqlTypeInfo::Text
    }
}

impl Type<Sql> for String {
    fn type_info() -> SqlTypeInfo {
        SqlTypeInfo::Text
    }
}

impl Type<Sql> for i32 {
    fn type_info() -> SqlTypeInfo {
        SqlTypeInfo::Integer
    }
}

impl Type<Sql> for i64 {
    fn type_info() -> SqlTypeInfo {
        SqlTypeInfo::BigInt
    }
}

impl Type<Sql> for f64 {
    fn type_info() -> SqlTypeInfo {
        SqlTypeInfo::Double
    }
}

impl Encode<'_, Sql> for &str {
    fn encode_by_ref(&self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(buffer.push(SqlArgument::Text((*self).to_owned())))
    }
}

impl Encode<'_, Sql> for Cow<'_, str> {
    fn encode_by_ref(&self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(buffer.push(SqlArgument::Text(self.clone().into_owned())))
    }
}

impl Encode<'_, Sql> for String {
    fn encode(self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(buffer.push(SqlArgument::Text(self)))
    }

    fn encode_by_ref(&self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(buffer.push(SqlArgument::Text(self.clone())))
    }
}

impl Encode<'_, Sql> for i32 {
    fn encode_by_ref(&self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(buffer.push(SqlArgument::Integer(*self)))
    }
}

impl Encode<'_, Sql> for i64 {
    fn encode_by_ref(&self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(buffer.push(SqlArgument::BigInt(*self)))
    }
}

impl Encode<'_, Sql> for f64 {
    fn encode_by_ref(&self, buffer: &mut SqlArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(buffer.push(SqlArgument::Double(*self)))
    }
}
