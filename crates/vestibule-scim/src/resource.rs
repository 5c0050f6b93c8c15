//! Resources in responses. A resource is stored as the client sent it, and most of that text goes out
//! unchanged: only the attributes that the directory decides about are parsed and written.
//!
//! It serves the benchmark *reading 100,000 users in pages* of `docs/benchmarks.md`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::json::JsonObject;

/// The attributes of a resource or of one of its values. They are so few that searching a list is faster than
/// building a tree.
#[derive(Default)]
pub struct Resource<'a>(Vec<(Cow<'a, str>, AttributeValue<'a>)>);

/// The value of an attribute.
#[derive(Serialize)]
#[serde(untagged)]
pub enum AttributeValue<'a> {
    /// The JSON text as it is stored.
    Raw(&'a RawValue),
    /// A text.
    Text(&'a str),
    /// A boolean.
    Bool(bool),
    /// `schemas`.
    Urns(Vec<&'static str>),
    /// `meta`.
    Meta(Meta<'a>),
    /// An object whose members can be set one by one.
    Nested(Resource<'a>),
    /// Anything else.
    Json(Value),
}

/// `meta` (RFC 7643 §3.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta<'a> {
    /// `User` or `Group`.
    pub resource_type: &'a str,
    /// When the resource was created.
    #[serde(serialize_with = "serialize_millis")]
    pub created: jiff::Timestamp,
    /// When the resource was last changed.
    #[serde(serialize_with = "serialize_millis")]
    pub last_modified: jiff::Timestamp,
    /// The URL of the resource.
    pub location: String,
    /// The version of the resource as an entity tag.
    pub version: String,
}

/// The version as an entity tag (RFC 9110 §8.8.3). It is weak because the representation may vary.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// RFC 3339 in UTC with milliseconds.
fn serialize_millis<S: Serializer>(time: &jiff::Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

impl<'a> Resource<'a> {
    /// Parses the attribute names of a stored resource and leaves its values as text.
    #[must_use]
    pub fn from_stored(text: &'a str) -> Self {
        // A name with an escape sequence cannot be borrowed from the text.
        serde_json::from_str(text)
            .unwrap_or_else(|_| serde_json::from_str::<JsonObject>(text).unwrap_or_default().into())
    }

    /// Whether it has no attributes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has an attribute of exactly this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the attribute is present and null.
    #[must_use]
    pub fn is_null(&self, name: &str) -> bool {
        match self.get(name) {
            Some(AttributeValue::Raw(raw)) => raw.get() == "null",
            Some(AttributeValue::Json(value)) => value.is_null(),
            _ => false,
        }
    }

    fn get(&self, name: &str) -> Option<&AttributeValue<'a>> {
        self.0.iter().find(|(present, _)| present == name).map(|(_, part)| part)
    }

    /// Sets an attribute, replacing the value it has.
    pub fn set(&mut self, name: &'static str, part: AttributeValue<'a>) {
        match self.0.iter_mut().find(|(present, _)| present == name) {
            Some((_, present)) => *present = part,
            None => self.0.push((name.into(), part)),
        }
    }

    /// Removes an attribute and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue<'a>> {
        let at = self.0.iter().position(|(present, _)| present == name)?;
        Some(self.0.remove(at).1)
    }

    /// Removes the object with this name and returns it to be changed; the result is empty if there is none.
    #[must_use]
    pub fn remove_object(&mut self, name: &str) -> Self {
        match self.remove(name) {
            Some(AttributeValue::Raw(raw)) => Self::from_stored(raw.get()),
            Some(AttributeValue::Json(Value::Object(object))) => object.into(),
            _ => Self::default(),
        }
    }

    /// The whole resource as JSON.
    #[must_use]
    pub fn into_object(self) -> JsonObject {
        self.0.into_iter().map(|(name, part)| (name.into_owned(), to_value(&part))).collect()
    }
}

impl Serialize for Resource<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, part)| (name, part)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Resource<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ResourceVisitor;
        impl<'de> Visitor<'de> for ResourceVisitor {
            type Value = Resource<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resource<'de>, A::Error> {
                // This leaves room for the attributes that the directory adds.
                let mut parts = Vec::with_capacity(12);
                while let Some((name, raw)) = map.next_entry::<&str, &RawValue>()? {
                    parts.push((name.into(), AttributeValue::Raw(raw)));
                }
                Ok(Resource(parts))
            }
        }
        deserializer.deserialize_map(ResourceVisitor)
    }
}

impl From<JsonObject> for Resource<'_> {
    fn from(object: Map<String, Value>) -> Self {
        Self(object.into_iter().map(|(name, value)| (name.into(), AttributeValue::Json(value))).collect())
    }
}

fn to_value(part: &AttributeValue<'_>) -> Value {
    // Stored JSON was parsed before, and our own values always convert.
    serde_json::to_value(part).unwrap_or_default()
}

/// The resources of a list, as the text of the response.
#[derive(Default)]
pub struct ListWriter {
    /// JSON objects with commas between them.
    pub text: Vec<u8>,
    /// The number of objects.
    pub count: usize,
}

impl ListWriter {
    /// Appends a resource.
    pub fn push(&mut self, resource: &impl Serialize) {
        if self.count > 0 {
            self.text.push(b',');
        }
        // This cannot fail: it writes into memory, and all names are strings.
        let _ = serde_json::to_writer(&mut self.text, resource);
        self.count += 1;
    }

    /// Appends the resources of another list.
    pub fn append(&mut self, other: &Self) {
        if self.count > 0 && other.count > 0 {
            self.text.push(b',');
        }
        self.text.extend(&other.text);
        self.count += other.count;
    }
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
