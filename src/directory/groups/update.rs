//! Changing a group's name and members. The cost depends on the number of members named in the change, not
//! on the number of members of the group.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::model::{Group, MANUAL};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::ChangeAuthority;
use crate::directory::{Error, check_name, users};
use crate::kernel::{ConnectionId, Tx};

/// Above this number, members are added in one bulk statement.
const BULK_ADD_THRESHOLD: usize = 4;

/// The changes to make. `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupUpdate {
    /// A new name.
    pub name: Option<String>,
    /// A new external id; `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// New other attributes.
    pub attributes: Option<Map<String, Value>>,
    /// The changes of members.
    pub members: MembershipUpdate,
}

/// Changes of members, by user id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipUpdate {
    /// The complete list of members, to which `add` and `remove` are then applied.
    pub replace: Option<Vec<String>>,
    /// Users to add.
    pub add: Vec<String>,
    /// Users to remove. Ids that are not members are ignored.
    pub remove: Vec<String>,
}

/// The result of a change.
#[derive(Debug, Clone)]
pub struct UpdatedGroup {
    /// The group after the change.
    pub group: Group,
    /// The ids of added members.
    pub added: Vec<String>,
    /// The ids of removed members.
    pub removed: Vec<String>,
}

/// Applies `change` to `group`.
pub async fn update(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    group: &Group,
    change: GroupUpdate,
) -> Result<UpdatedGroup, Error> {
    let (source, manager) = check_authority(tx, authority, group).await?;
    write(tx, context, group, manager, source, change).await
}

/// Like [`update`], for the members of a locally managed group that come through a connection it is linked
/// to.
pub(super) async fn update_connection_members(
    tx: &mut Tx,
    context: &Context,
    connection_id: &ConnectionId,
    group: &Group,
    members: MembershipUpdate,
) -> Result<UpdatedGroup, Error> {
    let change = GroupUpdate { members, ..GroupUpdate::default() };
    write(tx, context, group, None, connection_id, change).await
}

async fn write(
    tx: &mut Tx,
    context: &Context,
    group: &Group,
    manager: Option<ConnectionId>,
    source: &str,
    change: GroupUpdate,
) -> Result<UpdatedGroup, Error> {
    let mut wanted = group.clone();
    wanted.connection_id = manager;
    if let Some(name) = change.name {
        check_name("name", &name, 256)?;
        wanted.name = name;
    }
    if let Some(external_id) = change.external_id {
        wanted.external_id = external_id;
    }
    if let Some(attributes) = change.attributes {
        group.ensure_attributes_readable()?;
        wanted.attributes = Value::Object(attributes).to_string();
    }
    let (added, removed) = apply_members(tx, group, source, change.members).await?;
    let same = wanted.name == group.name
        && wanted.external_id == group.external_id
        && wanted.attributes == group.attributes
        && wanted.connection_id == group.connection_id;
    if same && added.is_empty() && removed.is_empty() {
        return Ok(UpdatedGroup { group: group.clone(), added, removed });
    }
    let updated = if same {
        store::touch(tx, group).await?.ok_or(Error::NotFound("group"))?
    } else {
        store::overwrite(tx, &wanted).await?.ok_or(Error::VersionConflict)?
    };
    let mut detail = Map::new();
    if updated.name != group.name {
        detail.insert("before".into(), json!({"name": group.name}));
        detail.insert("after".into(), json!({"name": updated.name}));
    }
    for (key, ids) in [("added", &added), ("removed", &removed)] {
        if !ids.is_empty() {
            // The audit event lists at most a hundred ids, to keep its size bounded; the count is exact.
            detail.insert(key.into(), json!({"count": ids.len(), "users": &ids[..ids.len().min(100)]}));
        }
    }
    let event =
        Event::new(Action::GroupUpdate, "group", &updated.id, &updated.name).detail(Value::Object(detail));
    audit::record(tx, context, event).await?;
    Ok(UpdatedGroup { group: updated, added, removed })
}

/// Returns the source of new memberships and the manager after the change, or refuses the change.
async fn check_authority<'a>(
    tx: &mut Tx,
    authority: ChangeAuthority<'a>,
    group: &Group,
) -> Result<(&'a str, Option<ConnectionId>), Error> {
    match (authority, &group.connection_id) {
        (ChangeAuthority::Local, None) => Ok((MANUAL, None)),
        (ChangeAuthority::Connection(id), Some(manager)) if id == manager => Ok((id, Some(manager.clone()))),
        (ChangeAuthority::Connection(_), None) => Err(Error::Forbidden(
            "This group was created manually, so provisioning cannot change it. A provisioned group with the \
             same name is a separate group.",
        )),
        (_, Some(manager)) => Err(Error::Managed { connection: users::connection_name(tx, manager).await? }),
    }
}

async fn apply_members(
    tx: &mut Tx,
    group: &Group,
    source: &str,
    members: MembershipUpdate,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let MembershipUpdate { replace, mut add, mut remove } = members;
    if let Some(exactly) = replace {
        let exactly: HashSet<String> = exactly.into_iter().collect();
        let mut present: HashSet<String> = store::ids_from(tx, group, source).await?.into_iter().collect();
        present.extend(store::nested_group_ids_from(tx, group, source).await?);
        remove.extend(present.difference(&exactly).cloned());
        add.extend(exactly.difference(&present).cloned());
    }
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for id in remove {
        if store::remove_member(tx, group, &id, source).await?
            || (source != MANUAL && store::delete_nesting(tx, group, &id, source).await?)
        {
            removed.push(id);
        } else if source == MANUAL && store::is_member(tx, group, &id).await? {
            return Err(Error::Forbidden(
                "This member comes from the linked group at the identity provider. Remove the member there, \
                 or unlink the group.",
            ));
        }
    }
    if add.len() > BULK_ADD_THRESHOLD {
        added = store::add_members(tx, group, &add, source).await?;
        let done: HashSet<&String> = added.iter().collect();
        // The remaining ids are existing members, nested groups or unknown: each is checked below.
        add.retain(|id| !done.contains(id));
    }
    for id in add {
        if store::add_member(tx, group, &id, source).await?
            || (users::by_id(tx, &group.account_id, &id).await?.is_none()
                && nest(tx, group, &id, source).await?)
        {
            added.push(id);
        }
    }
    Ok((added, removed))
}

/// Nests a group in a group, as directories do; returns false when it is nested already. Its users do not
/// become members of the outer group.
async fn nest(tx: &mut Tx, group: &Group, id: &str, source: &str) -> Result<bool, Error> {
    let inner = match source {
        MANUAL => None,
        _ => store::by_id(tx, &group.account_id, id).await?.filter(|inner| inner.id != group.id),
    };
    let Some(inner) = inner else {
        let reason = format!("contains {id}, which is not the ID of a user in this account");
        return Err(Error::Invalid { field: "members", reason });
    };
    Ok(store::insert_nesting(tx, group, &inner, source).await?)
}
