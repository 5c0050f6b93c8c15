//! Attribute paths (RFC 7644 §3.5.2, §3.10).

use std::fmt;

use serde_json::Value;

use crate::attributes;
use crate::json::{self, JsonObject};

/// An attribute path: `[urn:…:]attribute[.sub]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    /// The URN of the attribute's extension; `None` for the core schemas.
    pub extension: Option<&'static str>,
    /// The attribute's name.
    pub attribute: String,
    /// The name of its sub-attribute.
    pub sub_attribute: Option<String>,
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = self.extension {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.attribute)?;
        self.sub_attribute.iter().try_for_each(|sub| write!(f, ".{sub}"))
    }
}

impl AttributePath {
    /// Parses `userName`, `name.givenName`, `urn:…:User:manager.value`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // An extension as a whole is an attribute of the resource, named by its URN.
        if let Some(urn) = attributes::find_extension(text) {
            return Some(Self { extension: None, attribute: urn.to_owned(), sub_attribute: None });
        }
        let (extension, local) = split_urn(text)?;
        let (attribute, sub) = match local.split_once('.') {
            Some((attribute, sub)) => (attribute, Some(sub)),
            None => (local, None),
        };
        // ATTRNAME = ALPHA *(nameChar); $ref begins with a dollar.
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_$".contains(c))
        };
        if !is_name(attribute) || !sub.is_none_or(is_name) {
            return None;
        }
        // Entra ID sends `manager` without its schema's URN.
        let extension = extension
            .or_else(|| attributes::is_enterprise_attribute(attribute).then_some(attributes::ENTERPRISE));
        Some(Self { extension, attribute: attribute.to_owned(), sub_attribute: sub.map(str::to_owned) })
    }

    /// The object that contains the attribute: the resource or its extension.
    #[must_use]
    pub fn parent_object<'r>(&self, resource: &'r JsonObject) -> Option<&'r JsonObject> {
        match self.extension {
            Some(urn) => json::get(resource, urn)?.as_object(),
            None => Some(resource),
        }
    }

    /// All values at this path. A list yields its elements.
    #[must_use]
    pub fn values<'r>(&self, resource: &'r JsonObject) -> Vec<&'r Value> {
        let Some(value) = self.parent_object(resource).and_then(|holder| json::get(holder, &self.attribute))
        else {
            return Vec::new();
        };
        let elements: Vec<&Value> = match value {
            Value::Array(list) => list.iter().collect(),
            single => vec![single],
        };
        match &self.sub_attribute {
            None => elements,
            Some(sub) => {
                elements.into_iter().filter_map(|e| e.as_object().and_then(|o| json::get(o, sub))).collect()
            }
        }
    }
}

/// Splits the URN of a schema off the start of a path.
fn split_urn(text: &str) -> Option<(Option<&'static str>, &str)> {
    if !text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) {
        return Some((None, text));
    }
    attributes::RESOURCE_SCHEMAS.iter().find_map(|urn| {
        let rest = text
            .get(..urn.len())
            .filter(|start| start.eq_ignore_ascii_case(urn))
            .map(|_| &text[urn.len()..])?;
        let local = rest.strip_prefix(':')?;
        Some((attributes::find_extension(urn), local))
    })
}
