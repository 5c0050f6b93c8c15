//! Groups, their members and their links to groups of identity providers.

use super::{AdminRequest, Error, ListPage};
use crate::access::Principal;
use crate::directory::groups::{self, Group, GroupLink, GroupMember, GroupUpdate, NewGroup, UnlinkPolicy};
use crate::directory::users::ChangeAuthority;
use crate::kernel::ConnectionId;
use crate::kernel::database::DbConn;

/// A page of the groups whose name contains `text`, in order of creation, after the group with id `after`.
pub async fn list(
    c: &mut DbConn,
    principal: &Principal,
    text: &str,
    after: &str,
    limit: i64,
) -> Result<ListPage<Group>, Error> {
    let rows = groups::search(c, &principal.account_id, text, after, limit + 1).await?;
    Ok(ListPage::of(rows, limit, |group| &group.id))
}

/// A page of the members of a group, after the user with id `after`.
pub async fn list_members(
    c: &mut DbConn,
    group: &Group,
    after: &str,
    limit: i64,
) -> Result<ListPage<GroupMember>, Error> {
    let rows = groups::members(c, &group.id, after, limit + 1).await?;
    Ok(ListPage::of(rows, limit, |member| &member.user_id))
}

/// Creates a group.
pub async fn create(request: &AdminRequest<'_>, name: String) -> Result<Group, Error> {
    let mut tx = request.kernel().db.begin().await?;
    let new = NewGroup { name, ..NewGroup::default() };
    let group = groups::create(&mut tx, &request.context(), ChangeAuthority::Local, new).await?;
    tx.commit().await?;
    Ok(group)
}

/// Changes a group's name or members.
pub async fn change(request: &AdminRequest<'_>, id: &str, change: GroupUpdate) -> Result<Group, Error> {
    let mut tx = request.kernel().db.begin().await?;
    let group = request.principal().find_group(&mut tx, id).await?;
    let applied = groups::update(&mut tx, &request.context(), ChangeAuthority::Local, &group, change).await?;
    tx.commit().await?;
    Ok(applied.group)
}

/// Deletes a group.
pub async fn delete(request: &AdminRequest<'_>, id: &str) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let group = request.principal().find_group(&mut tx, id).await?;
    groups::delete(&mut tx, &request.context(), ChangeAuthority::Local, &group).await?;
    Ok(tx.commit().await?)
}

/// Links a group to the group that the connection's provider calls `name`, so that it takes its members
/// from there.
pub async fn link(
    request: &AdminRequest<'_>,
    id: &str,
    connection_id: &ConnectionId,
    name: &str,
) -> Result<GroupLink, Error> {
    let mut tx = request.kernel().db.begin().await?;
    let group = request.principal().find_group(&mut tx, id).await?;
    let connection = request.principal().find_connection(&mut tx, connection_id).await?;
    if !connection.syncs_groups() {
        return Err(Error::invalid(
            "connection_id",
            "must be a connection that syncs groups; enable group sync in its settings first",
        ));
    }
    let context = request.context();
    let link = groups::link(&mut tx, &context, &group, &connection.id, &connection.name, name).await?;
    tx.commit().await?;
    Ok(link)
}

/// Removes the link of a group. `policy` decides whether the members that came through it stay.
pub async fn unlink(request: &AdminRequest<'_>, id: &str, policy: UnlinkPolicy) -> Result<(), Error> {
    let mut tx = request.kernel().db.begin().await?;
    let group = request.principal().find_group(&mut tx, id).await?;
    groups::unlink(&mut tx, &request.context(), &group, policy).await?;
    Ok(tx.commit().await?)
}
