//! Filters (RFC 7644 §3.4.2.2): the whole grammar, and evaluation on a resource in memory.

use std::fmt;

use serde_json::Value;

use crate::attribute_path::AttributePath;
use crate::error::{Error, ScimType};
use crate::json::{self, JsonObject};

/// The limit on the length of a filter in bytes; clients send about a hundred.
const MAX_LENGTH: usize = 4096;
/// The limit on nested parentheses and brackets.
const MAX_DEPTH: usize = 16;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub enum ScimFilter {
    /// Both match.
    And(Box<ScimFilter>, Box<ScimFilter>),
    /// At least one matches.
    Or(Box<ScimFilter>, Box<ScimFilter>),
    /// The inner filter does not match.
    Not(Box<ScimFilter>),
    /// `userName eq "bob"`
    Compare(AttributePath, Operator, Value),
    /// `title pr`
    Present(AttributePath),
    /// `emails[type eq "work" and value co "@x"]`
    ValuePath(AttributePath, Box<ScimFilter>),
}

/// How an attribute is compared with a value (RFC 7644 §3.4.2.2, table 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal to.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal to.
    Le,
}

impl Operator {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "co" => Self::Co,
            "sw" => Self::Sw,
            "ew" => Self::Ew,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            _ => return None,
        })
    }
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidFilter, detail)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn unexpected(&self) -> Error {
        let near: String = self.rest().chars().take(20).collect();
        invalid(format!("The filter is not valid at position {}, near \"{near}\".", self.at))
    }

    /// Consumes `word` if it is next, as a whole word and ignoring case.
    fn keyword(&mut self, word: &str) -> bool {
        self.skip_space();
        let Some(candidate) = self.rest().get(..word.len()) else { return false };
        let ends = self.rest()[word.len()..].chars().next().is_none_or(|c| c.is_whitespace() || c == '(');
        if candidate.eq_ignore_ascii_case(word) && ends {
            self.at += word.len();
            return true;
        }
        false
    }

    fn symbol(&mut self, symbol: char) -> bool {
        self.skip_space();
        if self.rest().starts_with(symbol) {
            self.at += symbol.len_utf8();
            return true;
        }
        false
    }

    fn or(&mut self) -> Result<ScimFilter, Error> {
        let mut left = self.and()?;
        while self.keyword("or") {
            left = ScimFilter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<ScimFilter, Error> {
        let mut left = self.term()?;
        while self.keyword("and") {
            left = ScimFilter::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn nested(&mut self, close: char) -> Result<ScimFilter, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(invalid("The filter is nested too deeply."));
        }
        let inner = self.or()?;
        if !self.symbol(close) {
            return Err(self.unexpected());
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn term(&mut self) -> Result<ScimFilter, Error> {
        if self.keyword("not") {
            if !self.symbol('(') {
                return Err(self.unexpected());
            }
            return Ok(ScimFilter::Not(Box::new(self.nested(')')?)));
        }
        if self.symbol('(') {
            return self.nested(')');
        }
        self.skip_space();
        let word = self.word();
        let path = AttributePath::parse(word).ok_or_else(|| self.unexpected())?;
        self.at += word.len();
        if self.rest().starts_with('[') {
            self.at += 1;
            let inner = self.nested(']')?;
            return self.value_path(path, inner);
        }
        self.comparison(path)
    }

    /// Parses what may follow `attribute[filter]`: nothing, or Entra ID's `.value eq "x"`, which means that
    /// the same element matches both.
    fn value_path(&mut self, path: AttributePath, inner: ScimFilter) -> Result<ScimFilter, Error> {
        if !self.rest().starts_with('.') {
            return Ok(ScimFilter::ValuePath(path, Box::new(inner)));
        }
        self.at += 1;
        let word = self.word();
        let sub = AttributePath::parse(word).ok_or_else(|| self.unexpected())?;
        self.at += word.len();
        let outer = self.comparison(sub)?;
        Ok(ScimFilter::ValuePath(path, Box::new(ScimFilter::And(Box::new(inner), Box::new(outer)))))
    }

    fn comparison(&mut self, path: AttributePath) -> Result<ScimFilter, Error> {
        self.skip_space();
        let operator = self.word();
        if operator.eq_ignore_ascii_case("pr") {
            self.at += operator.len();
            return Ok(ScimFilter::Present(path));
        }
        let parsed = Operator::parse(&operator.to_ascii_lowercase()).ok_or_else(|| self.unexpected())?;
        self.at += operator.len();
        let value = self.value()?;
        Ok(ScimFilter::Compare(path, parsed, value))
    }

    fn word(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "()[]\"".contains(c)).unwrap_or(rest.len());
        &rest[..end]
    }

    /// A JSON string, number, boolean or null; booleans in any case, as clients write them.
    fn value(&mut self) -> Result<Value, Error> {
        self.skip_space();
        if self.rest().starts_with('"') {
            let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
            let Some(Ok(text)) = stream.next() else { return Err(self.unexpected()) };
            self.at += stream.byte_offset();
            return Ok(Value::String(text));
        }
        let word = self.word();
        let value = match json::boolean(&Value::String(word.to_owned())) {
            Some(flag) => Value::Bool(flag),
            None => serde_json::from_str(word).map_err(|_| self.unexpected())?,
        };
        self.at += word.len();
        if matches!(value, Value::Array(_) | Value::Object(_)) { Err(self.unexpected()) } else { Ok(value) }
    }
}

/// The filter in the RFC's grammar, with parentheses around each `and` and `or`, so that it parses to the
/// same filter.
impl fmt::Display for ScimFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(a, b) => write!(f, "({a} and {b})"),
            Self::Or(a, b) => write!(f, "({a} or {b})"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare(path, operator, value) => write!(f, "{path} {} {value}", operator.as_str()),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::ValuePath(path, inner) => write!(f, "{path}[{inner}]"),
        }
    }
}

impl ScimFilter {
    /// Parses a filter.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(invalid("The filter is too long."));
        }
        let mut parser = Parser { text, at: 0, depth: 0 };
        let filter = parser.or()?;
        parser.skip_space();
        if parser.rest().is_empty() { Ok(filter) } else { Err(parser.unexpected()) }
    }

    /// Whether `resource` matches.
    #[must_use]
    pub fn matches(&self, resource: &JsonObject) -> bool {
        match self {
            Self::And(a, b) => a.matches(resource) && b.matches(resource),
            Self::Or(a, b) => a.matches(resource) || b.matches(resource),
            Self::Not(inner) => !inner.matches(resource),
            Self::Present(path) => path.values(resource).into_iter().any(|value| !json::is_empty(value)),
            Self::Compare(path, operator, wanted) => {
                let values = path.values(resource);
                if values.is_empty() {
                    return matches!((operator, wanted), (Operator::Eq, Value::Null))
                        || (*operator == Operator::Ne && !wanted.is_null());
                }
                values.into_iter().any(|value| compare(value, *operator, wanted))
            }
            Self::ValuePath(path, inner) => path.values(resource).into_iter().any(|value| match value {
                Value::Object(element) => inner.matches(element),
                simple => inner.matches(&JsonObject::from_iter([("value".to_owned(), simple.clone())])),
            }),
        }
    }

    /// The terms of a conjunction, in order. Any other filter is its only term.
    #[must_use]
    pub fn conjunction(&self) -> Vec<&Self> {
        match self {
            Self::And(a, b) => [a.conjunction(), b.conjunction()].concat(),
            other => vec![other],
        }
    }
}

/// Text is compared ignoring case, because nearly all attributes have `caseExact: false`.
fn compare(found: &Value, operator: Operator, wanted: &Value) -> bool {
    use std::cmp::Ordering;
    let order = match (found, wanted) {
        (Value::Object(element), _) => {
            // A complex value is compared by its "value".
            return json::get(element, "value").is_some_and(|value| compare(value, operator, wanted));
        }
        (Value::Bool(a), b) => json::boolean(b).map(|b| a.cmp(&b)),
        (a, Value::Bool(b)) => json::boolean(a).map(|a| a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => {
            a.as_f64().zip(b.as_f64()).and_then(|(a, b)| a.partial_cmp(&b))
        }
        (Value::String(a), Value::String(b)) => {
            let (a, b) = (a.to_lowercase(), b.to_lowercase());
            match operator {
                Operator::Co => return a.contains(&b),
                Operator::Sw => return a.starts_with(&b),
                Operator::Ew => return a.ends_with(&b),
                _ => Some(a.cmp(&b)),
            }
        }
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        _ => None,
    };
    match (operator, order) {
        (Operator::Eq, Some(Ordering::Equal))
        | (Operator::Gt, Some(Ordering::Greater))
        | (Operator::Lt, Some(Ordering::Less))
        | (Operator::Ge, Some(Ordering::Greater | Ordering::Equal))
        | (Operator::Le, Some(Ordering::Less | Ordering::Equal)) => true,
        (Operator::Ne, order) => order != Some(Ordering::Equal),
        _ => false,
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
