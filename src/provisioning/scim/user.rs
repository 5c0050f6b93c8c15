//! Between SCIM's User and the directory's. The resource is kept as it was sent; the columns the
//! directory searches and shows are derived from it.

use serde_json::{Value, json};

use super::error::{Error, ScimType};
use super::json::{self, JsonObject};
use super::resource_json::{AttributeValue, Meta, Resource};
use super::schemas::{self, ENTERPRISE, USER, canonical_name, is_multi_valued, is_read_only};
use crate::directory::groups::Group;
use crate::directory::users::{Profile, User};

/// Brings a client's resource into the form it is kept in: names in the RFC's spelling, booleans as
/// booleans, lists as lists, without what is not the client's to say.
pub(super) fn normalize(body: JsonObject) -> JsonObject {
    let mut resource = JsonObject::new();
    for (key, value) in body {
        let name = canonical_name(&key);
        // A password is accepted and not kept: people sign in through their identity provider.
        if is_read_only(name) || name == "password" {
            continue;
        }
        if let Some(urn) = schemas::find_extension(&key) {
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

/// The directory's view of a normalized resource.
pub(super) fn profile(resource: JsonObject) -> Result<Profile, Error> {
    let invalid = |detail: &str| Error::bad(ScimType::InvalidValue, detail);
    let user_name = json::text(&resource, "userName").filter(|name| !name.trim().is_empty());
    let user_name = user_name.ok_or_else(|| invalid("userName is required."))?;
    let active = match json::get(&resource, "active") {
        // Removed by a client (RFC 7644 §3.5.2.2): not assigned, which lets the person in as at creation.
        None | Some(Value::Null) => true,
        Some(value) => json::boolean(value).ok_or_else(|| invalid("active must be true or false."))?,
    };
    let name = json::get(&resource, "name").and_then(Value::as_object);
    let part = |key: &str| name.and_then(|name| json::text(name, key));
    Ok(Profile {
        email: email_of(&resource, &user_name),
        given_name: part("givenName"),
        family_name: part("familyName"),
        display_name: json::text(&resource, "displayName").or_else(|| part("formatted")),
        external_id: json::text(&resource, "externalId"),
        user_name,
        active,
        attributes: resource,
    })
}

/// The primary address, else the first, else the user name where it is one.
fn email_of(resource: &JsonObject, user_name: &str) -> Option<String> {
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

/// The resource as clients see it: what they sent, with the directory's word on what it decides.
pub(super) fn resource(user: &User) -> Resource<'_> {
    let mut resource = Resource::from_stored(user.attributes_text());
    // A client that sent the rest and no displayName does not find one it did not write.
    if resource.is_empty() || resource.contains("displayName") {
        resource.set("displayName", AttributeValue::Text(&user.display_name));
    }
    resource.set("userName", AttributeValue::Text(&user.user_name));
    if user.is_active() && resource.is_null("active") {
        resource.remove("active");
    } else {
        resource.set("active", AttributeValue::Bool(user.is_active()));
    }
    if let Some(id) = &user.external_id {
        resource.set("externalId", AttributeValue::Text(id));
    }
    if user.given_name.is_some() || user.family_name.is_some() {
        let mut name = resource.remove_object("name");
        for (key, value) in [("givenName", &user.given_name), ("familyName", &user.family_name)] {
            if let Some(value) = value {
                name.set(key, AttributeValue::Text(value));
            }
        }
        resource.set("name", AttributeValue::Nested(name));
    }
    if let (Some(email), false) = (&user.email, resource.contains("emails")) {
        let emails = json!([{"value": email, "type": "work", "primary": true}]);
        resource.set("emails", AttributeValue::Json(emails));
    }
    resource
}

/// Remembers that a client has removed `active`: it does not find it again.
pub(super) fn mark_active_removed(resource: &mut JsonObject) {
    if json::get(resource, "active").is_none() {
        resource.insert("active".into(), Value::Null);
    }
}

/// The whole answer for a user. `groups`: those it is in, when they were asked for.
pub(super) fn represent<'a>(user: &'a User, groups: Option<&[Group]>, base: &str) -> Resource<'a> {
    let mut resource = resource(user);
    let extensions = schemas::EXTENSIONS.iter().copied().filter(|urn| resource.contains(urn));
    let urns = std::iter::once(USER).chain(extensions).collect();
    resource.set("schemas", AttributeValue::Urns(urns));
    resource.set("id", AttributeValue::Text(&user.id));
    if let Some(groups) = groups {
        let list: Vec<Value> = groups
            .iter()
            .map(|g| json!({"value": g.id, "$ref": format!("{base}/Groups/{}", g.id), "display": g.name}))
            .collect();
        resource.set("groups", AttributeValue::Json(json!(list)));
    }
    let meta = Meta {
        resource_type: "User",
        created: user.created_at,
        last_modified: user.updated_at,
        location: format!("{base}/Users/{}", user.id),
        version: etag(user.version),
    };
    resource.set("meta", AttributeValue::Meta(meta));
    resource
}

/// The version as an entity tag (RFC 7232 §2.3), weak because the form may vary.
pub(super) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
