//! Changing a group: its name and who is in it. Work is in proportion to the members named, never
//! to the members there are.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::model::{Group, MANUAL};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::ChangeAuthority;
use crate::directory::{Error, check_name, users};
use crate::kernel::Tx;

/// More members than this are added together.
const BULK_ADD_THRESHOLD: usize = 4;

/// What to change. `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupUpdate {
    /// A new name.
    pub name: Option<String>,
    /// A new external id; `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// New further attributes.
    pub attributes: Option<Map<String, Value>>,
    /// Who comes and goes.
    pub members: MembershipUpdate,
}

/// Changes of membership, by user id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipUpdate {
    /// Exactly these, before `add` and `remove` are applied.
    pub replace: Option<Vec<String>>,
    /// These come in.
    pub add: Vec<String>,
    /// These go; one who is not in it is no error.
    pub remove: Vec<String>,
}

/// What a change came to.
#[derive(Debug, Clone)]
pub struct UpdatedGroup {
    /// The group as it is now.
    pub group: Group,
    /// The ids of users who came in.
    pub added: Vec<String>,
    /// The ids of users who went.
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

/// The same for members of a group made by hand who come and go through a connection that it follows.
pub(super) async fn update_connection_members(
    tx: &mut Tx,
    context: &Context,
    connection_id: &str,
    group: &Group,
    change: GroupUpdate,
) -> Result<UpdatedGroup, Error> {
    write(tx, context, group, None, connection_id, change).await
}

async fn write(
    tx: &mut Tx,
    context: &Context,
    group: &Group,
    manager: Option<String>,
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
            // The first hundred say enough; the numbers say the rest.
            detail.insert(key.into(), json!({"count": ids.len(), "users": &ids[..ids.len().min(100)]}));
        }
    }
    let event =
        Event::new(Action::GroupUpdate, "group", &updated.id, &updated.name).detail(Value::Object(detail));
    audit::record(tx, context, event).await?;
    Ok(UpdatedGroup { group: updated, added, removed })
}

/// The source for memberships and the manager after the change, or a refusal.
async fn check_authority<'a>(
    tx: &mut Tx,
    authority: ChangeAuthority<'a>,
    group: &Group,
) -> Result<(&'a str, Option<String>), Error> {
    match (authority, &group.connection_id) {
        (ChangeAuthority::Local, None) => Ok((MANUAL, None)),
        (ChangeAuthority::Connection(id), Some(manager)) if id == manager => Ok((id, Some(manager.clone()))),
        (ChangeAuthority::Connection(_), None) => Err(Error::Forbidden(
            "This group was made by hand. It is kept beside groups of the same name from a directory.",
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
                "This member came through an identity provider that the group follows. Change it there, or take the \
                 link away.",
            ));
        }
    }
    if add.len() > BULK_ADD_THRESHOLD {
        added = store::add_members(tx, group, &add, source).await?;
        let done: HashSet<&String> = added.iter().collect();
        // What is left was there before, or is no user: each is looked at.
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

/// Puts a group into a group, as directories have them; false when it is there already. Nobody becomes a member of
/// the outer group by it.
async fn nest(tx: &mut Tx, group: &Group, id: &str, source: &str) -> Result<bool, Error> {
    let inner = match source {
        MANUAL => None,
        _ => store::by_id(tx, &group.account_id, id).await?.filter(|inner| inner.id != group.id),
    };
    let Some(inner) = inner else {
        let reason = format!("{id} is not a user of this account");
        return Err(Error::Invalid { field: "members", reason });
    };
    Ok(store::insert_nesting(tx, group, &inner, source).await?)
}
