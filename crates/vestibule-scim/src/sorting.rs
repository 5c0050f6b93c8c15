//! The order of a list, and the position at which a client continues: by index (RFC 7644 §3.4.2.4) or by
//! cursor (RFC 9865), which costs the same on the last page as on the first.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::attribute_path::AttributePath;
use crate::error::{Error, ScimType};
use crate::json::JsonObject;

/// `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The attribute to sort by.
    pub path: AttributePath,
    /// Whether the order is descending.
    pub descending: bool,
}

impl Sort {
    /// Parses both parameters. `sortOrder` without `sortBy` is ignored.
    pub fn parse(by: Option<&str>, order: Option<&str>) -> Result<Option<Self>, Error> {
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let Some(by) = given(by) else { return Ok(None) };
        let invalid = || Error::bad(ScimType::InvalidPath, format!("sortBy is not a valid path: {by}."));
        let path = AttributePath::parse(&by).ok_or_else(invalid)?;
        let descending = match given(order).map(|order| order.to_ascii_lowercase()).as_deref() {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(_) => {
                let detail = "sortOrder must be ascending or descending.";
                return Err(Error::bad(ScimType::InvalidValue, detail));
            }
        };
        Ok(Some(Self { path, descending }))
    }

    /// The attribute in lower case, as an index may know it; `None` for an attribute of an extension.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let AttributePath { extension, attribute, sub_attribute: sub } = &self.path;
        let name = match sub {
            None => attribute.to_ascii_lowercase(),
            Some(sub) => format!("{attribute}.{sub}").to_ascii_lowercase(),
        };
        extension.is_none().then_some(name)
    }

    /// Sorts resources. Those without a value come last, or first in descending order. Of a multi-valued
    /// attribute the primary element counts, or else the first; if the path names a sub-attribute, always the
    /// first.
    pub fn apply<T>(&self, found: &mut [T], shape: impl Fn(&T) -> JsonObject) {
        found.sort_by_cached_key(|one| SortKey {
            value: self.sort_value(&shape(one)),
            descending: self.descending,
        });
    }

    fn sort_value(&self, resource: &JsonObject) -> Option<SortValue> {
        let values = self.path.values(resource);
        let primary = values.iter().find(|value| value["primary"] == Value::Bool(true));
        let value = *primary.or_else(|| values.first())?;
        match value.get("value").unwrap_or(value) {
            Value::String(text) => Some(SortValue::Text(fold_case(text))),
            Value::Bool(flag) => Some(SortValue::Number(i64::from(*flag))),
            Value::Number(number) => number.as_i64().map(SortValue::Number),
            _ => None,
        }
    }
}

/// Folds text as the directory does in the columns that its indexes sort by, because both orders must agree.
fn fold_case(text: &str) -> String {
    text.trim().to_lowercase()
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum SortValue {
    Number(i64),
    Text(String),
}

#[derive(PartialEq, Eq)]
struct SortKey {
    value: Option<SortValue>,
    descending: bool,
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = match (&self.value, &other.value) {
            (Some(one), Some(two)) => one.cmp(two),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if self.descending { ascending.reverse() } else { ascending }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageStart {
    /// After this many resources.
    Offset(i64),
    /// At the beginning of the list, which the client reads by cursor.
    Beginning,
    /// After the resource with this sort key and this id.
    After(String, String),
}

impl PageStart {
    /// Parses a cursor. An empty one stands for the beginning of the list.
    pub fn parse_cursor(cursor: &str) -> Result<Self, Error> {
        if cursor.is_empty() {
            return Ok(Self::Beginning);
        }
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|bytes| bytes.len() <= 4096)?;
            let (key, id): (String, String) = serde_json::from_slice(&bytes).ok()?;
            // PostgreSQL cannot store a NUL in text.
            (!key.contains('\0') && !id.contains('\0')).then_some(Self::After(key, id))
        };
        read().ok_or_else(|| {
            Error::bad(ScimType::InvalidCursor, "The cursor is not valid. Start again with an empty cursor.")
        })
    }

    /// The cursor that continues after a resource.
    #[must_use]
    pub fn encode_cursor(key: &str, id: &str) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::json!([key, id]).to_string())
    }

    /// Whether the client reads the list by cursor.
    #[must_use]
    pub fn is_cursor(&self) -> bool {
        !matches!(self, Self::Offset(_))
    }
}

#[cfg(test)]
#[path = "sorting_tests.rs"]
mod tests;
