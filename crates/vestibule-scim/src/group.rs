//! Groups as clients send them (RFC 7643 §4.2). Members are never part of the stored resource, because a
//! change of one member must not affect the others.

use serde_json::Value;

use crate::attributes::{canonical_name, is_read_only};
use crate::error::{Error, ScimType};
use crate::filter::{Operator, ScimFilter};
use crate::json::{self, JsonObject};
use crate::patch::{PatchOp, PatchOperation};
use crate::patch_path::PatchPath;

/// A group without its members.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupContent {
    /// `displayName`.
    pub name: String,
    /// `externalId`.
    pub external_id: Option<String>,
    /// All attributes that are stored, including the name and the external id.
    pub attributes: JsonObject,
}

impl GroupContent {
    /// Parses the body of a POST or PUT. The second value contains the ids of the member list, if one was
    /// sent.
    pub fn parse_body(body: JsonObject) -> Result<(Self, Option<Vec<String>>), Error> {
        let members = json::get(&body, "members").map(member_ids).transpose()?;
        let mut attributes = JsonObject::new();
        for (key, value) in body {
            let name = canonical_name(&key);
            if !is_read_only(name) && name != "members" && !json::is_empty(&value) {
                attributes.insert(name.to_owned(), value);
            }
        }
        Ok((Self::from_attributes(attributes)?, members))
    }

    /// Reads the name and the external id from the attributes.
    pub fn from_attributes(attributes: JsonObject) -> Result<Self, Error> {
        let name = json::text(&attributes, "displayName").filter(|name| !name.trim().is_empty());
        let name = name.ok_or_else(|| Error::bad(ScimType::InvalidValue, "displayName is required."))?;
        Ok(Self { name, external_id: json::text(&attributes, "externalId"), attributes })
    }
}

/// One change of a group's members, by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembersChange {
    /// Adds these members.
    Add(Vec<String>),
    /// Removes these members.
    Remove(Vec<String>),
    /// Replaces all members with these.
    Replace(Vec<String>),
}

/// The operations of a PATCH of a group, with those on members apart from all others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupPatch {
    /// The changes of members, in the order in which they were sent.
    pub members: Vec<MembersChange>,
    /// The other operations, for [`crate::patch::apply_operations`].
    pub attributes: Vec<PatchOperation>,
}

impl GroupPatch {
    /// Splits the operations. The paths `members` and `members[value eq "id"]`, and `members` in a value
    /// without a path, concern the members.
    pub fn split(operations: &[PatchOperation]) -> Result<Self, Error> {
        let mut split = Self::default();
        for operation in operations {
            let Some(text) = &operation.path else {
                let mut value = operation.value.as_object().cloned().unwrap_or_default();
                if let Some(list) = json::key_of(&value, "members").and_then(|key| value.remove(&key)) {
                    split.members.push(members_change(operation.kind, None, &list)?);
                }
                split.attributes.push(PatchOperation { value: Value::Object(value), ..operation.clone() });
                continue;
            };
            let path = PatchPath::parse(text)?;
            if path.attribute_path.attribute.eq_ignore_ascii_case("members") {
                let change = members_change(operation.kind, path.filter.as_ref(), &operation.value)?;
                split.members.push(change);
            } else {
                split.attributes.push(operation.clone());
            }
        }
        Ok(split)
    }
}

fn members_change(kind: PatchOp, filter: Option<&ScimFilter>, value: &Value) -> Result<MembersChange, Error> {
    let named = filter.map(filtered_ids).transpose()?;
    Ok(match (kind, named) {
        (PatchOp::Remove, Some(ids)) => MembersChange::Remove(ids),
        // Entra ID lists the members to remove in the value. Only without a value are all of them removed.
        (PatchOp::Remove, None) if !json::is_empty(value) => MembersChange::Remove(member_ids(value)?),
        (PatchOp::Remove, None) => MembersChange::Replace(Vec::new()),
        (PatchOp::Add, _) => MembersChange::Add(member_ids(value)?),
        (PatchOp::Replace, None) => MembersChange::Replace(member_ids(value)?),
        (PatchOp::Replace, Some(_)) => {
            let detail = "A member cannot be changed. Remove it and add another one.";
            return Err(Error::bad(ScimType::Mutability, detail));
        }
    })
}

/// The ids in the value of `members`: a list of objects, one object, or bare ids.
fn member_ids(value: &Value) -> Result<Vec<String>, Error> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    let id_of = |member: &Value| match member {
        Value::String(id) => Some(id.clone()),
        Value::Object(object) => json::text(object, "value"),
        _ => None,
    };
    let missing = || {
        let detail = "Each member must have a value with the ID of a user or group.";
        Error::bad(ScimType::InvalidValue, detail)
    };
    list.iter().map(|member| id_of(member).ok_or_else(missing)).collect()
}

/// The ids in `value eq "a" or value eq "b"`.
fn filtered_ids(filter: &ScimFilter) -> Result<Vec<String>, Error> {
    match filter {
        ScimFilter::Compare(path, Operator::Eq, Value::String(id))
            if path.attribute.eq_ignore_ascii_case("value") =>
        {
            Ok(vec![id.clone()])
        }
        ScimFilter::Or(a, b) => Ok([filtered_ids(a)?, filtered_ids(b)?].concat()),
        _ => Err(Error::bad(ScimType::InvalidFilter, "Members can only be selected with value eq \"id\".")),
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
