//! Users as they are stored: in the RFC's spelling, without read-only attributes and passwords.

use serde_json::{Value, json};

use crate::attributes::{self, ENTERPRISE, canonical_name, is_multi_valued, is_read_only};
use crate::json::{self, JsonObject};

/// Brings a user into the form in which it is stored: names in the RFC's spelling, booleans as booleans,
/// lists as lists, without read-only attributes and passwords.
#[must_use]
pub fn normalize_user(body: JsonObject) -> JsonObject {
    let mut resource = JsonObject::new();
    for (key, value) in body {
        let name = canonical_name(&key);
        // A password is accepted but not stored, because users sign in through their identity provider.
        if is_read_only(name) || name == "password" {
            continue;
        }
        if let Some(urn) = attributes::find_extension(&key) {
            let extension = if urn == ENTERPRISE { normalize_enterprise(value) } else { value };
            if !json::is_empty(&extension) {
                resource.insert(urn.to_owned(), extension);
            }
        } else if name == "active" && value.is_null() {
            // The client has unassigned it on purpose. The null is stored, so that the client does not read a
            // default instead.
            resource.insert(name.to_owned(), value);
        } else if json::is_empty(&value) {
            // An empty value means "not assigned" (RFC 7643 §2.5).
        } else if is_multi_valued(name) {
            resource.insert(name.to_owned(), normalize_multi_valued(value));
        } else if name == "active" {
            resource.insert(name.to_owned(), json::boolean(&value).map_or(value, Value::Bool));
        } else {
            resource.insert(name.to_owned(), value);
        }
    }
    resource
}

fn normalize_multi_valued(value: Value) -> Value {
    let list = match value {
        Value::Array(list) => list,
        single => vec![single],
    };
    let elements = list.into_iter().filter(|element| !json::is_empty(element)).map(|mut element| {
        if let Some(primary) = element.get("primary").and_then(json::boolean) {
            element["primary"] = json!(primary);
        }
        element
    });
    Value::Array(elements.collect())
}

/// The manager may be an object, a list of one object, or a bare id.
fn normalize_enterprise(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let mut extension = JsonObject::new();
    for (key, value) in members {
        let name = canonical_name(&key).to_owned();
        let value = match (name.as_str(), value) {
            ("manager", Value::String(id)) if !id.is_empty() => json!({"value": id}),
            ("manager", Value::Array(mut list)) if list.len() == 1 => list.remove(0),
            (_, value) => value,
        };
        if !json::is_empty(&value) {
            extension.insert(name, value);
        }
    }
    Value::Object(extension)
}

/// The primary email address, or else the first one, or else the user name if it is an address.
#[must_use]
pub fn email_of(resource: &JsonObject, user_name: &str) -> Option<String> {
    let emails =
        json::get(resource, "emails").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let value =
        |email: &Value| email.as_object().and_then(|e| json::text(e, "value")).filter(|v| !v.is_empty());
    let is_primary = |email: &&Value| email.get("primary").and_then(json::boolean) == Some(true);
    let primary = emails.iter().filter(is_primary).find_map(value);
    primary
        .or_else(|| emails.iter().find_map(value))
        .or_else(|| user_name.contains('@').then(|| user_name.to_owned()))
}

/// Stores a null in `active` if a client has removed it, so that the client does not read a default instead.
pub fn mark_active_removed(resource: &mut JsonObject) {
    if json::get(resource, "active").is_none() {
        resource.insert("active".into(), Value::Null);
    }
}
