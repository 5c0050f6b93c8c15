//! Conversion between SCIM Users and users of the directory. The resource is stored as the client sent it;
//! the columns that the directory searches and shows are derived from it.

use serde_json::{Value, json};
use vestibule_scim::ScimType;
use vestibule_scim::attributes::{EXTENSIONS, USER};
use vestibule_scim::json::{self, JsonObject};
use vestibule_scim::query::ScimQuery;
use vestibule_scim::resource::{AttributeValue, Meta, Resource, etag};
use vestibule_scim::user::email_of;

use super::error::Error;
use super::model::base_url;
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, Profile, User};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Kernel};

/// The user with this id in this account, or a 404.
pub(super) async fn find_user(c: &mut DbConn, account_id: &AccountId, id: &str) -> Result<User, Error> {
    users::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("User", id))
}

/// The SCIM resource of a user, with their groups if the response shows them.
pub(super) async fn load_resource<'a>(
    kernel: &Kernel,
    c: &mut DbConn,
    user: &'a User,
    query: &ScimQuery,
) -> Result<Resource<'a>, Error> {
    let groups = if query.shows("groups") {
        Some(groups::of_user(c, &user.account_id, &user.id).await?)
    } else {
        None
    };
    Ok(represent(user, groups.as_deref(), &base_url(kernel)))
}

/// The directory profile of a normalized resource.
pub(super) fn profile(resource: JsonObject) -> Result<Profile, Error> {
    let invalid = |detail: &str| Error::bad(ScimType::InvalidValue, detail);
    let user_name = json::text(&resource, "userName").filter(|name| !name.trim().is_empty());
    let user_name = user_name.ok_or_else(|| invalid("userName is required."))?;
    let active = match json::get(&resource, "active") {
        // A client may remove `active` (RFC 7644 §3.5.2.2). An unassigned `active` counts as true, as it
        // does when a user is created.
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

/// The resource as clients see it: what they sent, overridden by the values that the directory decides.
pub(super) fn resource(user: &User) -> Resource<'_> {
    let mut resource = Resource::from_stored(user.attributes_text());
    // A client that sent a resource without `displayName` must not get one back.
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

/// The complete SCIM resource of a user. Without `groups`, the attribute is omitted.
pub(super) fn represent<'a>(user: &'a User, groups: Option<&[Group]>, base: &str) -> Resource<'a> {
    let mut resource = resource(user);
    let extensions = EXTENSIONS.iter().copied().filter(|urn| resource.contains(urn));
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
        created: user.created_at.into(),
        last_modified: user.updated_at.into(),
        location: format!("{base}/Users/{}", user.id),
        version: etag(user.version),
    };
    resource.set("meta", AttributeValue::Meta(meta));
    resource
}

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
