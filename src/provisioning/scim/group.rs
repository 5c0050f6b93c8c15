//! Conversion between SCIM Groups and groups of the directory.

use serde_json::{Value, json};
use vestibule_scim::attributes::GROUP;
use vestibule_scim::group::{GroupContent, GroupPatch, MembersChange};
use vestibule_scim::json::JsonObject;
use vestibule_scim::patch::{self, PatchOperation};
use vestibule_scim::query::ScimQuery;
use vestibule_scim::resource::etag;

use super::error::Error;
use super::model::base_url;
use crate::directory::groups::{self, Group, GroupMember, GroupUpdate, MembershipUpdate};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Kernel};

/// The group with this id in this account, or a 404.
pub(super) async fn find_group(c: &mut DbConn, account_id: &AccountId, id: &str) -> Result<Group, Error> {
    groups::by_id(c, account_id, id).await?.ok_or_else(|| Error::not_found("Group", id))
}

/// The SCIM resource of a group, with its members if the response shows them.
pub(super) async fn load_resource(
    kernel: &Kernel,
    c: &mut DbConn,
    group: &Group,
    query: &ScimQuery,
) -> Result<JsonObject, Error> {
    let members = if query.shows("members") {
        let users = groups::members(c, &group.id, "", i64::MAX).await?;
        Some(GroupMembers { users, groups: groups::nested_groups(c, &group.id).await? })
    } else {
        None
    };
    Ok(represent(group, members.as_ref(), &base_url(kernel)))
}

/// The update that replaces the whole group by this content (PUT).
pub(super) fn replacement(content: GroupContent, members: Option<Vec<String>>) -> GroupUpdate {
    GroupUpdate {
        // A PUT without members empties the group: omitted attributes are cleared (RFC 7644 §3.5.1).
        members: MembershipUpdate {
            replace: Some(members.unwrap_or_default()),
            ..MembershipUpdate::default()
        },
        ..content_update(content)
    }
}

fn content_update(content: GroupContent) -> GroupUpdate {
    GroupUpdate {
        name: Some(content.name),
        external_id: Some(content.external_id),
        attributes: Some(content.attributes),
        members: MembershipUpdate::default(),
    }
}

/// The update that PATCH operations describe.
pub(super) fn change_from_patch(group: &Group, operations: &[PatchOperation]) -> Result<GroupUpdate, Error> {
    let split = GroupPatch::split(operations)?;
    let members = membership_update(split.members);
    if split.attributes.is_empty() {
        return Ok(GroupUpdate { members, ..GroupUpdate::default() });
    }
    let mut resource = stored_resource(group);
    patch::apply_operations(&mut resource, &split.attributes)?;
    let content = GroupContent::from_attributes(resource)?;
    Ok(GroupUpdate { members, ..content_update(content) })
}

/// Combines consecutive changes of members into one.
fn membership_update(changes: Vec<MembersChange>) -> MembershipUpdate {
    let mut update = MembershipUpdate::default();
    for change in changes {
        match change {
            MembersChange::Add(ids) => {
                update.remove.retain(|id| !ids.contains(id));
                update.add.extend(ids);
            }
            MembersChange::Remove(ids) => {
                update.add.retain(|id| !ids.contains(id));
                if let Some(exactly) = &mut update.replace {
                    exactly.retain(|id| !ids.contains(id));
                }
                update.remove.extend(ids);
            }
            MembersChange::Replace(ids) => {
                update = MembershipUpdate { replace: Some(ids), ..MembershipUpdate::default() };
            }
        }
    }
    update
}

/// The stored attributes of a group, without its members.
pub(super) fn stored_resource(group: &Group) -> JsonObject {
    let mut resource = group.attributes();
    resource.insert("displayName".into(), json!(group.name));
    if let Some(id) = &group.external_id {
        resource.insert("externalId".into(), json!(id));
    }
    resource
}

/// The members of a group.
pub(super) struct GroupMembers {
    users: Vec<GroupMember>,
    /// The id and name of each nested group.
    groups: Vec<(String, String)>,
}

/// The SCIM resource of a group. Without `members`, the attribute is omitted.
pub(super) fn represent(group: &Group, members: Option<&GroupMembers>, base: &str) -> JsonObject {
    let mut resource = stored_resource(group);
    resource.insert("schemas".into(), json!([GROUP]));
    resource.insert("id".into(), json!(group.id));
    if let Some(GroupMembers { users, groups }) = members {
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
