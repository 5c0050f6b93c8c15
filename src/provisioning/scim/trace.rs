//! What a request was about and what it changed: for the log, and for changes that wait.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::json::Object;

/// An attribute that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// Its name, with its parent's where it has one: `name.givenName`.
    pub attribute: String,
    /// What it was; for members, those who went. Absent when values are not kept.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// What it is; for members, those who came.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
}

impl Changed {
    pub(super) fn new(attribute: impl Into<String>, before: Value, after: Value) -> Self {
        Self { attribute: attribute.into(), before, after }
    }

    /// The attribute alone.
    pub(super) fn masked(self) -> Self {
        Self::new(self.attribute, Value::Null, Value::Null)
    }
}

/// What is known of a request; it grows as the request is served.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    /// The name of the user or group.
    pub(super) subject: String,
    /// Its id.
    pub(super) resource_id: String,
    /// Ids of others who were named: members.
    pub(super) others: Vec<String>,
    /// What changed.
    pub(super) changes: Vec<Changed>,
    /// What else there is to say: how many were found.
    pub(super) note: String,
}

/// What differs between two states of a resource. Members of objects are compared one by one.
pub(super) fn difference(before: &Object, after: &Object) -> Vec<Changed> {
    let mut changes = Vec::new();
    let (empty, none) = (Object::new(), Value::Null);
    for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        let (old, new) = (before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none));
        if old == new {
            continue;
        }
        if old.is_object() || new.is_object() {
            let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
            let separator = if key.contains(':') { ':' } else { '.' };
            changes.extend(
                difference(old, new).into_iter().map(|inner| Changed {
                    attribute: format!("{key}{separator}{}", inner.attribute),
                    ..inner
                }),
            );
        } else {
            changes.push(Changed::new(key.clone(), old.clone(), new.clone()));
        }
    }
    changes
}
