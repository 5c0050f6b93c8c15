//! A client's User in the form in which it is kept: in the RFC's spelling, without what is not the client's to say.

use serde_json::{Value, json};

use crate::attributes::{self, ENTERPRISE, canonical_name, is_multi_valued, is_read_only};
use crate::json::{self, JsonObject};

/// Brings a client's resource into the form it is kept in: names in the RFC's spelling, booleans as
/// booleans, lists as lists, without what is not the client's to say.
#[must_use]
pub fn normalize_user(body: JsonObject) -> JsonObject {
    let mut resource = JsonObject::new();
    for (key, value) in body {
        let name = canonical_name(&key);
        // A password is accepted and not kept: people sign in through their identity provider.
        if is_read_only(name) || name == "password" {
            continue;
        }
        if let Some(urn) = attributes::find_extension(&key) {
            let extension = if urn == ENTERPRISE { normalize_enterprise(value) } else { value };
            if !json::is_empty(&extension) {
                resource.insert(urn.to_owned(), extension);
            }
        } else if name == "active" && value.is_null() {
            // Not assigned on purpose; kept, so that a client does not find a default in its place.
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

/// The manager comes as an object, a list of one, or the bare id.
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

/// The primary address, else the first, else the user name where it is one.
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

/// Remembers that a client has removed `active`: it does not find it again.
pub fn mark_active_removed(resource: &mut JsonObject) {
    if json::get(resource, "active").is_none() {
        resource.insert("active".into(), Value::Null);
    }
}
