//! Attribute paths (RFC 7644 §3.5.2, §3.10).

use std::fmt;

use serde_json::Value;

use super::error::{Error, ScimType};
use super::filter::{self, ScimFilter};
use super::json::{self, JsonObject};
use super::schemas;

/// `[urn:…:]attribute[.sub]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttributePath {
    /// The extension the attribute is in; none for the core schemas.
    pub(super) extension: Option<&'static str>,
    /// The attribute.
    pub(super) attribute: String,
    /// Its sub-attribute.
    pub(super) sub_attribute: Option<String>,
}

/// `attribute[.sub]` or `attribute[filter][.sub]`
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PatchPath {
    pub(super) attribute_path: AttributePath,
    pub(super) filter: Option<ScimFilter>,
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
    /// The object that holds the attribute: the resource, or its extension.
    pub(super) fn parent_object<'r>(&self, resource: &'r JsonObject) -> Option<&'r JsonObject> {
        match self.extension {
            Some(urn) => json::get(resource, urn)?.as_object(),
            None => Some(resource),
        }
    }

    /// All values at this path; a list yields its elements.
    pub(super) fn values<'r>(&self, resource: &'r JsonObject) -> Vec<&'r Value> {
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

/// Reads `userName`, `name.givenName`, `urn:…:User:manager.value`.
pub(super) fn parse_attribute_path(text: &str) -> Option<AttributePath> {
    // The extension as a whole is an attribute of the resource, called by its URN.
    if let Some(urn) = schemas::find_extension(text) {
        return Some(AttributePath { extension: None, attribute: urn.to_owned(), sub_attribute: None });
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
    // Entra ID asks for "manager" without its schema's URN.
    let extension =
        extension.or_else(|| schemas::is_enterprise_attribute(attribute).then_some(schemas::ENTERPRISE));
    Some(AttributePath { extension, attribute: attribute.to_owned(), sub_attribute: sub.map(str::to_owned) })
}

/// Splits a schema's URN off the front of a path.
fn split_urn(text: &str) -> Option<(Option<&'static str>, &str)> {
    if !text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) {
        return Some((None, text));
    }
    schemas::RESOURCE_SCHEMAS.iter().find_map(|urn| {
        let rest = text
            .get(..urn.len())
            .filter(|start| start.eq_ignore_ascii_case(urn))
            .map(|_| &text[urn.len()..])?;
        let local = rest.strip_prefix(':')?;
        Some((schemas::find_extension(urn), local))
    })
}

/// Reads a path of a PATCH operation.
pub(super) fn parse(text: &str) -> Result<PatchPath, Error> {
    let invalid = || {
        let shown: String = text.chars().take(100).collect();
        Error::bad(ScimType::InvalidPath, format!("The path \"{shown}\" cannot be read."))
    };
    let text = text.trim();
    let Some(open) = text.find('[') else {
        return Ok(PatchPath {
            attribute_path: parse_attribute_path(text).ok_or_else(invalid)?,
            filter: None,
        });
    };
    let close = text.rfind(']').filter(|close| *close > open).ok_or_else(invalid)?;
    let mut attribute = parse_attribute_path(&text[..open]).ok_or_else(invalid)?;
    let filter = filter::parse(&text[open + 1..close])?;
    match &text[close + 1..] {
        "" => {}
        rest => {
            let sub = rest
                .strip_prefix('.')
                .filter(|sub| parse_attribute_path(sub).is_some())
                .ok_or_else(invalid)?;
            attribute.sub_attribute = Some(sub.to_owned());
        }
    }
    Ok(PatchPath { attribute_path: attribute, filter: Some(filter) })
}
