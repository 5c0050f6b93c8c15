//! A resource on its way out. It is kept as the client sent it, and most of that goes out as the text it is kept as: only
//! what the directory has a word on is read and written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::json::Object;
use crate::kernel::Timestamp;

/// The attributes of a resource.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct Resource<'a>(BTreeMap<Cow<'a, str>, Part<'a>>);

/// The value of an attribute.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Part<'a> {
    /// As it is kept.
    Kept(&'a RawValue),
    Text(&'a str),
    Flag(bool),
    Urns(Vec<&'static str>),
    Meta(Meta<'a>),
    Other(Value),
}

/// `meta` (RFC 7643 §3.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta<'a> {
    pub(super) resource_type: &'a str,
    pub(super) created: Timestamp,
    pub(super) last_modified: Timestamp,
    pub(super) location: String,
    pub(super) version: String,
}

impl<'a> Resource<'a> {
    /// Reads the names of what is kept, and leaves the values for later.
    pub(super) fn kept(text: &'a str) -> Self {
        match serde_json::from_str::<BTreeMap<&str, &RawValue>>(text) {
            Ok(parts) => Self(parts.into_iter().map(|(name, raw)| (name.into(), Part::Kept(raw))).collect()),
            // A name with a quotation mark in it cannot be lent.
            Err(_) => serde_json::from_str::<Object>(text).unwrap_or_default().into(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn is_null(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Part::Kept(raw)) => raw.get() == "null",
            Some(Part::Other(value)) => value.is_null(),
            _ => false,
        }
    }

    pub(super) fn put(&mut self, name: &'static str, part: Part<'a>) {
        self.0.insert(name.into(), part);
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).map(|part| to_value(&part))
    }

    /// All of it, to look into.
    pub(super) fn into_object(self) -> Object {
        self.0.into_iter().map(|(name, part)| (name.into_owned(), to_value(&part))).collect()
    }
}

impl From<Object> for Resource<'_> {
    fn from(object: Map<String, Value>) -> Self {
        Self(object.into_iter().map(|(name, value)| (name.into(), Part::Other(value))).collect())
    }
}

fn to_value(part: &Part<'_>) -> Value {
    // What was read as JSON, and what is made here, is JSON.
    serde_json::to_value(part).unwrap_or_default()
}

/// The resources of a list, as the text that goes out.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) text: String,
    pub(super) count: usize,
}

impl Listing {
    pub(super) fn push(&mut self, resource: &impl Serialize) {
        self.append(Self { text: serde_json::to_string(resource).unwrap_or_default(), count: 1 });
    }

    pub(super) fn append(&mut self, other: Self) {
        if self.count > 0 && other.count > 0 {
            self.text.push(',');
        }
        self.text.push_str(&other.text);
        self.count += other.count;
    }
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
