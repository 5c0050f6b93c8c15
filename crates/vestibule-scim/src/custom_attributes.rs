//! Custom attributes, which the administrators of an account define in an extension schema of its own (RFC
//! 7643 §3.3).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attributes::CUSTOM_EXTENSION;
use crate::error::{Error, ScimType};
use crate::json::{self, JsonObject};

/// A custom attribute of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExtraAttribute {
    /// The name: a letter, then letters, digits, `-` and `_`.
    pub name: String,
    /// The type of the values.
    #[serde(rename = "type", default)]
    pub kind: ExtraKind,
    /// Whether the attribute is a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// A description of the attribute.
    #[serde(default)]
    pub description: String,
}

/// The type of a custom attribute (RFC 7643 §2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the RFC's")]
pub enum ExtraKind {
    #[default]
    String,
    Boolean,
    Integer,
    Decimal,
    DateTime,
}

impl ExtraKind {
    const ALL: [Self; 5] = [Self::String, Self::Boolean, Self::Integer, Self::Decimal, Self::DateTime];

    /// The name in schemas.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::DateTime => "dateTime",
        }
    }

    /// What its values must be, in words for error messages.
    #[must_use]
    pub const fn value_description(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::DateTime => "a time such as 2026-01-31T00:00:00Z",
        }
    }
}

impl ExtraAttribute {
    /// Parses a line of a form: name, type (followed by `[]` for a list), description.
    pub fn parse(line: &str) -> Result<Self, UnknownAttributeType> {
        let (name, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let rest = rest.trim_start();
        let (kind, description) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let (kind, multi_valued) = kind.strip_suffix("[]").map_or((kind, false), |kind| (kind, true));
        let kind = match kind {
            "" => Some(ExtraKind::String),
            kind => ExtraKind::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(kind)),
        };
        let kind = kind.ok_or_else(|| UnknownAttributeType { name: name.to_owned() })?;
        Ok(Self { name: name.to_owned(), kind, multi_valued, description: description.trim().to_owned() })
    }

    /// The line that [`Self::parse`] reads.
    #[must_use]
    pub fn to_line(&self) -> String {
        let list = if self.multi_valued { "[]" } else { "" };
        format!("{} {}{list} {}", self.name, self.kind.as_str(), self.description).trim_end().to_owned()
    }

    /// Whether the name and the description have at most 64 and 256 bytes, and the name is valid under RFC
    /// 7643 §2.1.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.name.len() <= 64
            && self.description.len() <= 256
            && self.name.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    }
}

/// A line whose second word is not a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the type of {name} must be string, boolean, integer, decimal or dateTime; append [] for a list")]
pub struct UnknownAttributeType {
    /// The attribute's name.
    pub name: String,
}

/// Coerces the custom attributes of a normalized resource to their definitions: values get the defined types,
/// names get the defined spelling, and attributes that are not defined are dropped. If the account has
/// defined none, the extension stays as it was sent.
pub fn coerce_attributes(defined: &[ExtraAttribute], mut resource: JsonObject) -> Result<JsonObject, Error> {
    if defined.is_empty() {
        return Ok(resource);
    }
    let Some(sent) = resource.remove(CUSTOM_EXTENSION) else { return Ok(resource) };
    let sent = sent.as_object().cloned().ok_or_else(|| {
        Error::bad(ScimType::InvalidValue, format!("{CUSTOM_EXTENSION} must be an object with attributes."))
    })?;
    let mut kept = JsonObject::new();
    for attribute in defined {
        let Some(value) = json::get(&sent, &attribute.name).filter(|value| !json::is_empty(value)) else {
            continue;
        };
        let fitted = coerce_value(attribute, value).ok_or_else(|| {
            let name = &attribute.name;
            let list = if attribute.multi_valued { "a list; each value must be " } else { "" };
            Error::bad(
                ScimType::InvalidValue,
                format!("{name} must be {list}{}.", attribute.kind.value_description()),
            )
        })?;
        kept.insert(attribute.name.clone(), fitted);
    }
    if !kept.is_empty() {
        resource.insert(CUSTOM_EXTENSION.to_owned(), Value::Object(kept));
    }
    Ok(resource)
}

fn coerce_value(attribute: &ExtraAttribute, value: &Value) -> Option<Value> {
    if !attribute.multi_valued {
        return coerce_single(attribute.kind, value);
    }
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    list.iter()
        .map(|value| coerce_single(attribute.kind, value))
        .collect::<Option<Vec<_>>>()
        .map(Value::Array)
}

/// Coerces a value to its type. Numbers and booleans may come as text, as directories send them.
fn coerce_single(kind: ExtraKind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (ExtraKind::String, Value::String(_)) | (ExtraKind::Decimal, Value::Number(_)) => Some(value.clone()),
        (ExtraKind::String, Value::Number(number)) => Some(number.to_string().into()),
        (ExtraKind::Boolean, _) => json::boolean(value).map(Value::Bool),
        (ExtraKind::Integer, Value::Number(number)) => number.as_i64().map(Value::from),
        (ExtraKind::Integer, Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        (ExtraKind::Decimal, Value::String(text)) => {
            let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Value::from)
        }
        (ExtraKind::DateTime, Value::String(text)) => {
            text.trim().parse::<jiff::Timestamp>().ok().map(|_| value.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "custom_attributes_tests.rs"]
mod tests;
