//! Between SCIM's Group and the directory's. Members are never part of the stored resource: a change
//! of one member must not touch the others.

use serde_json::{Value, json};

use super::error::{Error, ScimType};
use super::json::{self, Object};
use super::patch::{self, Operation, OperationKind};
use super::path::{self, Path};
use super::schemas::{GROUP, canonical_name, is_read_only};
use super::user::etag;
use crate::directory::groups::{Change, Group, Members, Membership};

/// A client's group without its members: name, external id, and whatever else it said.
pub(super) struct Content {
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) attributes: Object,
}

/// Takes a POST or PUT body apart; the second part is the member list, if one was sent.
///
/// # Errors
/// `invalidValue` without displayName; as [`member_ids`].
pub(super) fn read(body: Object) -> Result<(Content, Option<Vec<String>>), Error> {
    let members = json::get(&body, "members").map(member_ids).transpose()?;
    let mut attributes = Object::new();
    for (key, value) in body {
        let name = canonical_name(&key);
        if !is_read_only(name) && name != "members" && !json::is_empty(&value) {
            attributes.insert(name.to_owned(), value);
        }
    }
    Ok((content(attributes)?, members))
}

fn content(attributes: Object) -> Result<Content, Error> {
    let name = json::text(&attributes, "displayName").filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| Error::bad(ScimType::InvalidValue, "displayName is required."))?;
    Ok(Content { name, external_id: json::text(&attributes, "externalId"), attributes })
}

/// The user ids in a member value: a list of objects, one object, or bare ids.
///
/// # Errors
/// `invalidValue`.
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
pub(super) fn replacement(content: Content, members: Option<Vec<String>>) -> Change {
    Change {
        name: Some(content.name),
        external_id: Some(content.external_id),
        attributes: Some(content.attributes),
        // A PUT without members empties the group (RFC 7644 §3.5.1: what is not sent is not there).
        members: Members { replace: Some(members.unwrap_or_default()), ..Members::default() },
    }
}

/// The change that PATCH operations ask for.
///
/// # Errors
/// As the operations'.
pub(super) fn change(group: &Group, operations: &[Operation]) -> Result<Change, Error> {
    let mut members = Members::default();
    let mut rest = Vec::new();
    for operation in operations {
        match &operation.path {
            None => {
                let mut value = operation.value.as_object().cloned().unwrap_or_default();
                if let Some(list) = json::key_of(&value, "members").and_then(|key| value.remove(&key)) {
                    change_members(&mut members, operation.kind, None, &list)?;
                }
                rest.push(Operation { value: Value::Object(value), ..operation.clone() });
            }
            Some(text) => {
                let path = path::parse(text)?;
                if path.attribute.attribute.eq_ignore_ascii_case("members") {
                    change_members(&mut members, operation.kind, Some(&path), &operation.value)?;
                } else {
                    rest.push(operation.clone());
                }
            }
        }
    }
    if rest.is_empty() {
        return Ok(Change { members, ..Change::default() });
    }
    let mut resource = stored(group);
    patch::apply(&mut resource, &rest)?;
    let content = content(resource)?;
    Ok(Change {
        name: Some(content.name),
        external_id: Some(content.external_id),
        attributes: Some(content.attributes),
        members,
    })
}

/// `members`, `members[value eq "id"]`, with or without a value.
fn change_members(
    members: &mut Members,
    kind: OperationKind,
    path: Option<&Path>,
    value: &Value,
) -> Result<(), Error> {
    let named = match path.and_then(|path| path.filter.as_ref()) {
        Some(filter) => Some(filtered_ids(filter)?),
        None => None,
    };
    match (kind, named) {
        (OperationKind::Remove, Some(ids)) => take_out(members, ids),
        // Entra lists whom to remove in the value; only without a value everybody goes.
        (OperationKind::Remove, None) if !json::is_empty(value) => take_out(members, member_ids(value)?),
        (OperationKind::Remove, None) => {
            *members = Members { replace: Some(Vec::new()), ..Members::default() }
        }
        (OperationKind::Add, _) => put_in(members, member_ids(value)?),
        (OperationKind::Replace, None) => {
            *members = Members { replace: Some(member_ids(value)?), ..Members::default() };
        }
        (OperationKind::Replace, Some(_)) => {
            return Err(Error::bad(
                ScimType::Mutability,
                "A member cannot be changed; remove it and add another.",
            ));
        }
    }
    Ok(())
}

fn put_in(members: &mut Members, ids: Vec<String>) {
    members.remove.retain(|id| !ids.contains(id));
    members.add.extend(ids);
}

fn take_out(members: &mut Members, ids: Vec<String>) {
    members.add.retain(|id| !ids.contains(id));
    if let Some(exactly) = &mut members.replace {
        exactly.retain(|id| !ids.contains(id));
    }
    members.remove.extend(ids);
}

/// The ids in `value eq "a" or value eq "b"`.
fn filtered_ids(filter: &super::filter::Filter) -> Result<Vec<String>, Error> {
    use super::filter::{Filter, Operator};
    match filter {
        Filter::Compare(path, Operator::Eq, Value::String(id))
            if path.attribute.eq_ignore_ascii_case("value") =>
        {
            Ok(vec![id.clone()])
        }
        Filter::Or(a, b) => Ok([filtered_ids(a)?, filtered_ids(b)?].concat()),
        _ => Err(Error::bad(ScimType::InvalidFilter, "Members are chosen by value eq \"id\" only.")),
    }
}

/// What is kept of a group, apart from its members.
pub(super) fn stored(group: &Group) -> Object {
    let mut resource = group.attributes();
    resource.insert("displayName".into(), json!(group.name));
    if let Some(id) = &group.external_id {
        resource.insert("externalId".into(), json!(id));
    }
    resource
}

/// The members of a group: users, and (id, name) of groups.
pub(super) type MemberList = (Vec<Membership>, Vec<(String, String)>);

/// The whole answer for a group. `members`: when they were asked for.
pub(super) fn represent(group: &Group, members: Option<&MemberList>, base: &str) -> Object {
    let mut resource = stored(group);
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
