//! Changing a group: its name and who is in it. Work is in proportion to the members named, never
//! to the members there are.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::users::Authority;
use super::super::{Error, check_name, users};
use super::model::{Group, MANUAL};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;

/// More members than this are added together.
const FEW: usize = 4;

/// What to change. `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// A new name.
    pub name: Option<String>,
    /// A new external id; `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// New further attributes.
    pub attributes: Option<Map<String, Value>>,
    /// Who comes and goes.
    pub members: Members,
}

/// Changes of membership, by user id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Exactly these, before `add` and `remove` are applied.
    pub replace: Option<Vec<String>>,
    /// These come in.
    pub add: Vec<String>,
    /// These go; one who is not in it is no error.
    pub remove: Vec<String>,
}

/// What a change came to.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The group as it is now.
    pub group: Group,
    /// The ids of users who came in.
    pub added: Vec<String>,
    /// The ids of users who went.
    pub removed: Vec<String>,
}

/// Applies `change` to `group`.
///
/// # Errors
/// [`Error::Managed`] when somebody other than the managing connection asks; [`Error::Invalid`] for a
/// name or a member that is not a user of this account; [`Error::Changed`] when more than its members is to be changed and
/// `group` is not as it is any more. On error nothing of it is kept.
pub async fn apply(
    tx: &mut Tx,
    context: &Context,
    authority: Authority<'_>,
    group: &Group,
    change: Change,
) -> Result<Applied, Error> {
    let (source, manager) = check_authority(tx, authority, group).await?;
    write(tx, context, (group, manager), (source, change)).await
}

/// The same for members of a group made by hand who come and go through a connection that it follows.
pub(super) async fn follow_members(
    tx: &mut Tx,
    context: &Context,
    connection_id: &str,
    group: &Group,
    change: Change,
) -> Result<Applied, Error> {
    write(tx, context, (group, None), (connection_id, change)).await
}

async fn write(
    tx: &mut Tx,
    context: &Context,
    (group, manager): (&Group, Option<String>),
    (source, change): (&str, Change),
) -> Result<Applied, Error> {
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
        wanted.attributes = Value::Object(attributes).to_string();
    }
    let (added, removed) = apply_members(tx, group, source, change.members).await?;
    let same = wanted.name == group.name
        && wanted.external_id == group.external_id
        && wanted.attributes == group.attributes
        && wanted.connection_id == group.connection_id;
    if same && added.is_empty() && removed.is_empty() {
        return Ok(Applied { group: group.clone(), added, removed });
    }
    let updated = if same {
        store::touch(tx, group).await?.ok_or(Error::NotFound("group"))?
    } else {
        store::overwrite(tx, &wanted).await?.ok_or(Error::Changed)?
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
    Ok(Applied { group: updated, added, removed })
}

/// The source for memberships and the manager after the change, or a refusal.
async fn check_authority<'a>(
    tx: &mut Tx,
    authority: Authority<'a>,
    group: &Group,
) -> Result<(&'a str, Option<String>), Error> {
    match (authority, &group.connection_id) {
        (Authority::Local, None) => Ok((MANUAL, None)),
        (Authority::Connection(id), Some(manager)) if id == manager => Ok((id, Some(manager.clone()))),
        (Authority::Connection(_), None) => Err(Error::Forbidden(
            "This group was made by hand. It is kept beside groups of the same name from a directory.",
        )),
        (_, Some(manager)) => Err(Error::Managed { connection: users::connection_name(tx, manager).await? }),
    }
}

async fn apply_members(
    tx: &mut Tx,
    group: &Group,
    source: &str,
    members: Members,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let Members { replace, mut add, mut remove } = members;
    if let Some(exactly) = replace {
        let exactly: HashSet<String> = exactly.into_iter().collect();
        let mut present: HashSet<String> = store::ids_from(tx, group, source).await?.into_iter().collect();
        present.extend(store::nested_from(tx, group, source).await?);
        remove.extend(present.difference(&exactly).cloned());
        add.extend(exactly.difference(&present).cloned());
    }
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for id in remove {
        if store::remove(tx, group, &id, source).await?
            || (source != MANUAL && store::take_out(tx, group, &id, source).await?)
        {
            removed.push(id);
        } else if source == MANUAL && store::is_member(tx, group, &id).await? {
            return Err(Error::Forbidden(
                "This member came through an identity provider that the group follows. Change it there, or take the \
                 link away.",
            ));
        }
    }
    if add.len() > FEW {
        added = store::add_many(tx, group, &add, source).await?;
        let done: HashSet<&String> = added.iter().collect();
        // What is left was there before, or is no user: each is looked at.
        add.retain(|id| !done.contains(id));
    }
    for id in add {
        if store::add(tx, group, &id, source).await?
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
    Ok(store::put_in(tx, group, &inner, source).await?)
}
