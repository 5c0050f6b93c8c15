//! What a driver is told about a statement and gives back.

use crate::row::SqlRow;
use crate::sql_database::SqlQueryResult;

pub(crate) struct StatementOutput {
    pub(crate) rows: Vec<SqlRow>,
    pub(crate) result: SqlQueryResult,
}

/// Which rows of the result the caller wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FetchMode {
    None,
    First,
    All,
}
