//! Group links: local groups that follow a group of an identity provider. A user who signs in through the
//! connection becomes a member of exactly the linked groups that the provider names. Memberships from other
//! sources are not changed.

use std::collections::HashSet;

use serde_json::json;

use super::model::{Group, MANUAL};
use super::store;
use super::update::{MembershipUpdate, UpdatedGroup, update_connection_members};
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::directory::check_name;
use crate::directory::users::User;
use crate::kernel::database::{DbConn, fetch_where_in};
use crate::kernel::{ConnectionId, GroupId, Tx};

/// A group link as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GroupLink {
    /// The local group.
    pub group_id: GroupId,
    /// The connection it follows.
    pub connection_id: ConnectionId,
    /// The name of the group at the provider, compared with case.
    pub name: String,
}

/// What happens to the members that came through a link when it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlinkPolicy {
    /// They stay, as members added by an administrator.
    RetainMembers,
    /// They are removed.
    RemoveMembers,
}

/// The link of a group.
pub async fn link_of(c: &mut DbConn, group_id: &GroupId) -> Result<Option<GroupLink>, sqlx::Error> {
    sqlx::query_as("SELECT group_id, connection_id, name FROM group_links WHERE group_id = $1")
        .bind(group_id)
        .fetch_optional(c)
        .await
}

/// The links of a connection with their groups' names, at most 500.
pub async fn links_of_connection(
    c: &mut DbConn,
    connection_id: &ConnectionId,
) -> Result<Vec<(String, GroupLink)>, sqlx::Error> {
    let rows: Vec<(String, GroupId, ConnectionId, String)> = sqlx::query_as(
        "SELECT g.name, l.group_id, l.connection_id, l.name FROM group_links l \
         JOIN user_groups g ON g.id = l.group_id WHERE l.connection_id = $1 ORDER BY l.name LIMIT 500",
    )
    .bind(connection_id)
    .fetch_all(c)
    .await?;
    let link = |(group, group_id, connection_id, name)| (group, GroupLink { group_id, connection_id, name });
    Ok(rows.into_iter().map(link).collect())
}

/// All links of a connection.
pub async fn all_links(c: &mut DbConn, connection_id: &ConnectionId) -> Result<Vec<GroupLink>, sqlx::Error> {
    sqlx::query_as(
        "SELECT group_id, connection_id, name FROM group_links WHERE connection_id = $1 ORDER BY group_id",
    )
    .bind(connection_id)
    .fetch_all(c)
    .await
}

/// The number of members of a group that came through a connection.
pub async fn count_members_from(
    c: &mut DbConn,
    group_id: &GroupId,
    connection_id: &ConnectionId,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM memberships WHERE group_id = $1 AND source = $2")
        .bind(group_id)
        .bind(connection_id)
        .fetch_one(c)
        .await
}

/// Makes `users` exactly the members of `group` that come through a connection. Memberships from other
/// sources stay.
pub async fn replace_connection_members(
    tx: &mut Tx,
    context: &Context,
    connection_id: &ConnectionId,
    group: &Group,
    users: Vec<String>,
) -> Result<UpdatedGroup, Error> {
    let members = MembershipUpdate { replace: Some(users), ..MembershipUpdate::default() };
    update_connection_members(tx, context, connection_id, group, members).await
}

/// Adds `users` to the members of `group` that come through a connection.
pub async fn add_connection_members(
    tx: &mut Tx,
    context: &Context,
    connection_id: &ConnectionId,
    group: &Group,
    users: Vec<String>,
) -> Result<UpdatedGroup, Error> {
    let members = MembershipUpdate { add: users, ..MembershipUpdate::default() };
    update_connection_members(tx, context, connection_id, group, members).await
}

/// Links `group` to the group `name` of a connection, which the caller has looked up in the account. Users
/// become members at their next sign-in.
pub async fn link(
    tx: &mut Tx,
    context: &Context,
    group: &Group,
    connection_id: &ConnectionId,
    connection_name: &str,
    name: &str,
) -> Result<GroupLink, Error> {
    let name = name.trim();
    check_name("name", name, 1024)?;
    if let Some(manager) = &group.connection_id {
        let connection = crate::directory::users::connection_name(tx, manager).await?;
        return Err(Error::Managed { connection });
    }
    if link_of(tx, &group.id).await?.is_some() {
        return Err(Error::Forbidden(
            "This group is already linked to a group at an identity provider. Unlink it first.",
        ));
    }
    let now = tx.now();
    sqlx::query(
        "INSERT INTO group_links (group_id, account_id, connection_id, name, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&group.id)
    .bind(&group.account_id)
    .bind(connection_id)
    .bind(name)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let event = Event::new(Action::GroupLink, "group", &group.id, &group.name);
    let detail = json!({"connection": connection_id, "connection_name": connection_name, "name": name});
    audit::record(tx, context, event.detail(detail)).await?;
    Ok(GroupLink {
        group_id: group.id.clone(),
        connection_id: connection_id.to_owned(),
        name: name.to_owned(),
    })
}

/// Removes the link of `group`; returns how many members came through it.
pub async fn unlink(
    tx: &mut Tx,
    context: &Context,
    group: &Group,
    policy: UnlinkPolicy,
) -> Result<u64, Error> {
    let link = link_of(tx, &group.id).await?.ok_or(Error::NotFound("group link"))?;
    sqlx::query("DELETE FROM group_links WHERE group_id = $1").bind(&group.id).execute(&mut **tx).await?;
    if policy == UnlinkPolicy::RetainMembers {
        // Members who were also added by an administrator have that row already; a second one would violate
        // the key.
        sqlx::query(
            "UPDATE memberships SET source = $1 WHERE group_id = $2 AND source = $3 AND NOT EXISTS \
             (SELECT 1 FROM memberships m WHERE m.group_id = $2 AND m.user_id = memberships.user_id AND m.source = $1)",
        )
        .bind(MANUAL)
        .bind(&group.id)
        .bind(&link.connection_id)
        .execute(&mut **tx)
        .await?;
    }
    let gone = sqlx::query("DELETE FROM memberships WHERE group_id = $1 AND source = $2")
        .bind(&group.id)
        .bind(&link.connection_id)
        .execute(&mut **tx)
        .await?;
    store::touch(tx, group).await?.ok_or(Error::NotFound("group"))?;
    let members = if policy == UnlinkPolicy::RetainMembers { "retained" } else { "removed" };
    let event = Event::new(Action::GroupUnlink, "group", &group.id, &group.name);
    let detail = json!({"connection": link.connection_id, "name": link.name, "members": members});
    audit::record(tx, context, event.detail(detail)).await?;
    Ok(gone.rows_affected())
}

/// Makes `user` a member of exactly the groups that are linked to one of `names` at the connection. It
/// reads only the named links and the user's own memberships, so its cost does not depend on the number of
/// groups.
pub async fn sync_linked_groups(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    connection_id: &ConnectionId,
    names: &[String],
) -> Result<(), Error> {
    // One query for both: the user's current groups through the connection, and the groups of the named
    // links.
    let head = "SELECT group_id, 0 AS named FROM memberships WHERE user_id = $1 AND source = $2 UNION ALL \
                SELECT group_id, 1 FROM group_links WHERE connection_id = $2 AND account_id = $3 AND name IN";
    let firsts = [user.id.as_str(), connection_id, user.account_id.as_str()];
    // `IN` needs at least one value. No group has an empty name, so the empty text matches none.
    let names = if names.is_empty() { &[String::new()] } else { names };
    let (mut present, mut wanted) = (HashSet::new(), HashSet::new());
    for (id, named) in fetch_where_in::<(String, i32)>(tx, head, &firsts, names).await? {
        let groups = if named == 0 { &mut present } else { &mut wanted };
        groups.insert(id);
    }
    // Groups that are in both sets need no change.
    for group_id in wanted.symmetric_difference(&present) {
        let comes = wanted.contains(group_id);
        let Some(group) = store::by_id(tx, &user.account_id, group_id).await? else { continue };
        // The members of a group that a directory manages are changed by that directory only.
        if group.connection_id.is_some() {
            continue;
        }
        let one = vec![user.id.as_str().to_owned()];
        let members = if comes {
            MembershipUpdate { add: one, ..MembershipUpdate::default() }
        } else {
            MembershipUpdate { remove: one, ..MembershipUpdate::default() }
        };
        update_connection_members(tx, context, connection_id, &group, members).await?;
    }
    Ok(())
}
