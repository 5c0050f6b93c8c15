//! Builds a `WHERE` clause from fixed pieces and bound values.

use sqlx::AssertSqlSafe;
use sqlx::query::QueryAs;

use crate::arguments::SqlArguments;
use crate::row::SqlRow;
use crate::sql_database::Sql;

/// Conditions joined by AND. Pieces are literals of the code; values are only ever bound.
#[derive(Debug, Default)]
pub struct Conditions {
    pieces: Vec<String>,
    values: Vec<ConditionValue>,
}

#[derive(Debug, Clone)]
enum ConditionValue {
    Text(String),
    Number(i64),
}

impl Conditions {
    /// Adds `piece`, in which `?` stands for `value`, once or several times.
    pub fn text(&mut self, piece: &'static str, value: impl Into<String>) {
        self.add(piece, ConditionValue::Text(value.into()));
    }

    /// Adds `piece`, in which `?` stands for the list of `values`, once or several times: `x IN (?)`. An
    /// empty list matches nothing.
    pub fn texts(&mut self, piece: &'static str, values: &[String]) {
        let first = self.values.len();
        self.values.extend(values.iter().cloned().map(ConditionValue::Text));
        self.pieces.push(piece.replace('?', &placeholders(first + 1..=self.values.len())));
    }

    /// Adds `piece`, in which `?` stands for `value`.
    pub fn number(&mut self, piece: &'static str, value: i64) {
        self.add(piece, ConditionValue::Number(value));
    }

    /// Adds `piece`, in which `?1` and `?2` stand for the two values, each once or several times.
    pub fn two_texts(&mut self, piece: &'static str, one: &str, two: &str) {
        self.values.push(ConditionValue::Text(one.to_owned()));
        self.values.push(ConditionValue::Text(two.to_owned()));
        let last = self.values.len();
        self.pieces.push(piece.replace("?1", &format!("${}", last - 1)).replace("?2", &format!("${last}")));
    }

    /// Adds a piece without a value.
    pub fn fixed(&mut self, piece: &'static str) {
        self.pieces.push(piece.to_owned());
    }

    fn add(&mut self, piece: &'static str, value: ConditionValue) {
        self.values.push(value);
        self.pieces.push(piece.replace('?', &format!("${}", self.values.len())));
    }

    /// The statement: `head`, the conditions after `WHERE`, and `tail`.
    #[must_use]
    pub fn sql(&self, head: &str, tail: &str) -> AssertSqlSafe<String> {
        let conditions = if self.pieces.is_empty() { "1 = 1".to_owned() } else { self.pieces.join(" AND ") };
        // Safe: head, pieces and tail are text of this program; every value is bound.
        AssertSqlSafe(format!("{head} WHERE {conditions} {tail}"))
    }

    /// Binds the values in order.
    pub fn bind_as<O>(&self, sql: AssertSqlSafe<String>) -> QueryAs<'static, Sql, O, SqlArguments>
    where
        O: for<'r> sqlx::FromRow<'r, SqlRow>,
    {
        self.values.iter().fold(sqlx::query_as(sql), |query, value| match value {
            ConditionValue::Text(text) => query.bind(text.clone()),
            ConditionValue::Number(number) => query.bind(*number),
        })
    }
}

/// `$3, $4`, or `NULL` for an empty list.
fn placeholders(numbers: std::ops::RangeInclusive<usize>) -> String {
    let list: Vec<String> = numbers.map(|n| format!("${n}")).collect();
    if list.is_empty() { "NULL".to_owned() } else { list.join(", ") }
}

/// A `LIKE` pattern that finds `text` anywhere, for `LIKE $n ESCAPE '\'`.
#[must_use]
pub fn like_anywhere(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}
