//! What a request was about and what it changed, for the request log and for pending changes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vestibule_scim::json::JsonObject;
use vestibule_scim::operation::ScimOperation;

/// A changed attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Changed)]
pub struct AttributeChange {
    /// The name of the attribute, such as `name.givenName`.
    pub attribute: String,
    /// The previous value; for group members, the members that were removed. Missing if values are not
    /// logged.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// The new value; for group members, the members that were added. Missing if values are not logged.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
}

impl AttributeChange {
    pub(super) fn new(attribute: impl Into<String>, before: Value, after: Value) -> Self {
        Self { attribute: attribute.into(), before, after }
    }

    /// The change without its values.
    pub(super) fn without_values(self) -> Self {
        Self::new(self.attribute, Value::Null, Value::Null)
    }
}

/// What is known about a request. It is filled in while the request is served.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    /// The name of the user or group.
    pub(super) subject: String,
    /// The id of the user or group.
    pub(super) resource_id: String,
    /// The ids of added and removed members.
    pub(super) member_ids: Vec<String>,
    /// What changed.
    pub(super) changes: Vec<AttributeChange>,
    /// Additional information, such as the number of results.
    pub(super) note: String,
}

impl Trace {
    /// What an operation says about itself before it is executed.
    pub(super) fn of_operation(operation: &ScimOperation) -> Self {
        Self { subject: operation.resource_name(), resource_id: operation.id.clone(), ..Self::default() }
    }
}

/// The attributes that differ between two states of a resource. Objects are compared member by member.
pub(super) fn difference(before: &JsonObject, after: &JsonObject) -> Vec<AttributeChange> {
    let mut changes = Vec::new();
    let (empty, none) = (JsonObject::new(), Value::Null);
    for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        let (old, new) = (before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none));
        if old == new {
            continue;
        }
        if old.is_object() || new.is_object() {
            let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
            let separator = if key.contains(':') { ':' } else { '.' };
            changes.extend(difference(old, new).into_iter().map(|inner| AttributeChange {
                attribute: format!("{key}{separator}{}", inner.attribute),
                ..inner
            }));
        } else {
            changes.push(AttributeChange::new(key.clone(), old.clone(), new.clone()));
        }
    }
    changes
}
