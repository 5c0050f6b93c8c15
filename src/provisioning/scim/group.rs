//! Between SCIM's Group and the directory's. Members are never part of the stored resource: a change
//! of one member must not touch the others.

use serde_json::{Value, json};

use super::error::{Error, ScimType};
use super::json::{self, JsonObject};
use super::patch::{self, PatchOp, PatchOperation};
use super::path::{self, PatchPath};
use super::schemas::{GROUP, canonical_name, is_read_only};
use super::user::etag;
use crate::directory::groups::{Group, GroupMember, GroupUpdate, MembershipUpdate};

/// A client's group without its members: name, external id, and whatever else it said.
pub(super) struct GroupContent {
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) attributes: JsonObject,
}

/// Takes a POST or PUT body apart; the second part is the member list, if one was sent.
pub(super) fn parse(body: JsonObject) -> Result<(GroupContent, Option<Vec<String>>), Error> {
    let members = json::get(&body, "members").map(member_ids).transpose()?;
    let mut attributes = JsonObject::new();
    for (key, value) in body {
        let name = canonical_name(&key);
        if !is_read_only(name) && name != "members" && !json::is_empty(&value) {
            attributes.insert(name.to_owned(), value);
        }
    }
    Ok((content_from(attributes)?, members))
}

fn content_from(attributes: JsonObject) -> Result<GroupContent, Error> {
    let name = json::text(&attributes, "displayName").filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| Error::bad(ScimType::InvalidValue, "displayName is required."))?;
    Ok(GroupContent { name, external_id: json::text(&attributes, "externalId"), attributes })
}

/// The user ids in a member value: a list of objects, one object, or bare ids.
fn member_ids(value: &Value) -> Result<Vec<String>, Error> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    list.iter()
        .map(|member| match member {
            Value::String(id) => Some(id.clone()),
            Value::Object(object) => json::text(object, "value"),
            _ => None,
        })
        .map(|id| {
            id.ok_or_else(|| {
                Error::bad(ScimType::InvalidValue, "Each member needs a value with a user's id.")
            })
        })
        .collect()
}

/// The change of the whole group to this content.
pub(super) fn replacement(content: GroupContent, members: Option<Vec<String>>) -> GroupUpdate {
    GroupUpdate {
        name: Some(content.name),
        external_id: Some(content.external_id),
        attributes: Some(content.attributes),
        // A PUT without members empties the group (RFC 7644 §3.5.1: what is not sent is not there).
        members: MembershipUpdate {
            replace: Some(members.unwrap_or_default()),
            ..MembershipUpdate::default()
        },
    }
}

/// The change that PATCH operations ask for.
pub(super) fn change_from_patch(group: &Group, operations: &[PatchOperation]) -> Result<GroupUpdate, Error> {
    let mut members = MembershipUpdate::default();
    let mut rest = Vec::new();
    for operation in operations {
        match &operation.path {
            None => {
                let mut value = operation.value.as_object().cloned().unwrap_or_default();
                if let Some(list) = json::key_of(&value, "members").and_then(|key| value.remove(&key)) {
                    change_members(&mut members, operation.kind, None, &list)?;
                }
                rest.push(PatchOperation { value: Value::Object(value), ..operation.clone() });
            }
            Some(text) => {
                let path = path::parse(text)?;
                if path.attribute_path.attribute.eq_ignore_ascii_case("members") {
                    change_members(&mut members, operation.kind, Some(&path), &operation.value)?;
                } else {
                    rest.push(operation.clone());
                }
            }
        }
    }
    if rest.is_empty() {
        return Ok(GroupUpdate { members, ..GroupUpdate::default() });
    }
    let mut resource = stored_resource(group);
    patch::apply(&mut resource, &rest)?;
    let content = content_from(resource)?;
    Ok(GroupUpdate {
        name: Some(content.name),
        external_id: Some(content.external_id),
        attributes: Some(content.attributes),
        members,
    })
}

/// `members`, `members[value eq "id"]`, with or without a value.
fn change_members(
    members: &mut MembershipUpdate,
    kind: PatchOp,
    path: Option<&PatchPath>,
    value: &Value,
) -> Result<(), Error> {
    let named = match path.and_then(|path| path.filter.as_ref()) {
        Some(filter) => Some(filtered_ids(filter)?),
        None => None,
    };
    match (kind, named) {
        (PatchOp::Remove, Some(ids)) => remove_members(members, ids),
        // Entra lists whom to remove in the value; only without a value everybody goes.
        (PatchOp::Remove, None) if !json::is_empty(value) => remove_members(members, member_ids(value)?),
        (PatchOp::Remove, None) => {
            *members = MembershipUpdate { replace: Some(Vec::new()), ..MembershipUpdate::default() }
        }
        (PatchOp::Add, _) => add_members(members, member_ids(value)?),
        (PatchOp::Replace, None) => {
            *members = MembershipUpdate { replace: Some(member_ids(value)?), ..MembershipUpdate::default() };
        }
        (PatchOp::Replace, Some(_)) => {
            return Err(Error::bad(
                ScimType::Mutability,
                "A member cannot be changed; remove it and add another.",
            ));
        }
    }
    Ok(())
}

fn add_members(members: &mut MembershipUpdate, ids: Vec<String>) {
    members.remove.retain(|id| !ids.contains(id));
    members.add.extend(ids);
}

fn remove_members(members: &mut MembershipUpdate, ids: Vec<String>) {
    members.add.retain(|id| !ids.contains(id));
    if let Some(exactly) = &mut members.replace {
        exactly.retain(|id| !ids.contains(id));
    }
    members.remove.extend(ids);
}

/// The ids in `value eq "a" or value eq "b"`.
fn filtered_ids(filter: &super::filter::ScimFilter) -> Result<Vec<String>, Error> {
    use super::filter::{Operator, ScimFilter};
    match filter {
        ScimFilter::Compare(path, Operator::Eq, Value::String(id))
            if path.attribute.eq_ignore_ascii_case("value") =>
        {
            Ok(vec![id.clone()])
        }
        ScimFilter::Or(a, b) => Ok([filtered_ids(a)?, filtered_ids(b)?].concat()),
        _ => Err(Error::bad(ScimType::InvalidFilter, "Members are chosen by value eq \"id\" only.")),
    }
}

/// What is kept of a group, apart from its members.
pub(super) fn stored_resource(group: &Group) -> JsonObject {
    let mut resource = group.attributes();
    resource.insert("displayName".into(), json!(group.name));
    if let Some(id) = &group.external_id {
        resource.insert("externalId".into(), json!(id));
    }
    resource
}

/// The members of a group: users, and (id, name) of groups.
pub(super) type MemberList = (Vec<GroupMember>, Vec<(String, String)>);

/// The whole answer for a group. `members`: when they were asked for.
pub(super) fn represent(group: &Group, members: Option<&MemberList>, base: &str) -> JsonObject {
    let mut resource = stored_resource(group);
    resource.insert("schemas".into(), json!([GROUP]));
    resource.insert("id".into(), json!(group.id));
    if let Some((users, groups)) = members {
        let member =
            |id: &str, kind: &str| json!({"value": id, "$ref": format!("{base}/{kind}s/{id}"), "type": kind});
        let users = users.iter().map(|one| member(&one.user_id, "User"));
        let list: Vec<Value> = users.chain(groups.iter().map(|(id, _)| member(id, "Group"))).collect();
        resource.insert("members".into(), json!(list));
    }
    resource.insert(
        "meta".into(),
        json!({
            "resourceType": "Group",
            "created": group.created_at,
            "lastModified": group.updated_at,
            "location": format!("{base}/Groups/{}", group.id),
            "version": etag(group.version),
        }),
    );
    resource
}
