//! What becomes of a user who has left, or has come back: each in a unit of work of their own, under the lock of the
//! account.

use serde_json::json;

use super::emails;
use super::linked_people::{Leaver, LinkedPerson};
use super::store;
use crate::access;
use crate::audit::{self, Action, Event};
use crate::directory::users::{self, User};
use crate::directory::{accounts, groups};
use crate::idp::ldap::sync::entry_state::LeaverReason;
use crate::idp::ldap::sync::model::DirectoryLeaver;
use crate::idp::ldap::sync::worker::{SyncError, SyncWorker};
use crate::kernel::Tx;
use crate::signin::{identities, notifications, sessions};

/// Deactivates a user who has left. If the user has a role, the administrators are told instead; if another directory
/// or a SCIM connection manages the user, only the link ends. Both are read again under the lock.
pub(super) async fn handle_leaver(work: &mut SyncWorker<'_>, leaver: &Leaver<'_>) -> Result<(), SyncError> {
    let reason = leaver.reason;
    let mut tx = work.idp.signin.kernel.db.begin().await?;
    accounts::lock(&mut tx, &work.context.account_id).await?;
    let user = users::by_id(&mut tx, &work.context.account_id, &leaver.person.user_id).await?;
    let Some(user) = user.filter(User::is_active) else { return Ok(()) };
    let has_role = !access::roles_of(&mut tx, &user.id).await?.is_empty();
    let is_managed_elsewhere = user.connection_id.is_some()
        || store::is_in_other_directory(&mut tx, &work.pool.connection, &user).await?;
    if has_role {
        hold(work, &mut tx, &user, reason).await?;
    } else if is_managed_elsewhere {
        end_link(work, &mut tx, &user, reason).await?;
    } else {
        deactivate(work, &mut tx, &user, reason).await?;
    }
    if !work.report.preview {
        tx.commit().await?;
    }
    work.report.add_leaver(DirectoryLeaver {
        user_id: user.id,
        name: user.user_name,
        reason: reason.label().to_owned(),
        held: has_role,
        link_ended: is_managed_elsewhere && !has_role,
    });
    Ok(())
}

async fn deactivate(
    work: &SyncWorker<'_>,
    tx: &mut Tx,
    user: &User,
    reason: LeaverReason,
) -> Result<(), SyncError> {
    let user = access::set_user_active(tx, &work.context, user, false).await?;
    record_left(work, tx, &user, reason).await?;
    store::record_leaver(tx, &work.pool.connection, &user, reason, false).await?;
    Ok(())
}

/// Ends the user's link to the directory, the sessions that began with it and the memberships in groups that follow it.
async fn end_link(
    work: &SyncWorker<'_>,
    tx: &mut Tx,
    user: &User,
    reason: LeaverReason,
) -> Result<(), SyncError> {
    let connection_id = &work.pool.connection.id;
    // First, because it locks the user: a sign-in locks the user before their groups, too.
    let user = sessions::revoke_of_connection(tx, &work.context, user, connection_id).await?;
    identities::end_links(tx, &user, connection_id).await?;
    groups::sync_linked_groups(tx, &work.context, &user, connection_id, &[]).await?;
    // They may have had a role when they left.
    store::forget(tx, &work.context.account_id, &user.id).await?;
    record_left(work, tx, &user, reason).await
}

async fn record_left(
    work: &SyncWorker<'_>,
    tx: &mut Tx,
    user: &User,
    reason: LeaverReason,
) -> Result<(), SyncError> {
    let event = Event::new(Action::UserLeftDirectory, "user", &user.id, &user.user_name);
    let detail = json!({"connection": work.pool.connection.id, "reason": reason.as_str(),
        "active": user.is_active()});
    Ok(audit::record(tx, &work.context, event.detail(detail)).await?)
}

/// Tells the administrators, once, that a user with a role has left.
async fn hold(
    work: &SyncWorker<'_>,
    tx: &mut Tx,
    user: &User,
    reason: LeaverReason,
) -> Result<(), SyncError> {
    let connection = &work.pool.connection;
    if !store::record_leaver(tx, connection, user, reason, true).await? {
        return Ok(());
    }
    let event = Event::new(Action::UserChangeHeld, "user", &user.id, &user.user_name);
    let detail = json!({"connection": connection.id, "reason": reason.as_str()});
    audit::record(tx, &work.context, event.detail(detail)).await?;
    let kernel = &work.idp.signin.kernel;
    if let Some(account) = accounts::by_id(tx, &user.account_id).await? {
        let email = emails::held_leaver(kernel, &account.name, &connection.name, user, reason);
        notifications::notify_admins(kernel, tx, &account, &email).await?;
    }
    Ok(())
}

/// Activates a user again that a sync has deactivated, of this directory or of another one, if no administrator has
/// decided about them since. Whether a SCIM user is active is for the SCIM connection to say. A user with a role is
/// forgotten only by the directory that has noted them, so that the administrators are not told again and again.
pub(super) async fn come_back(work: &mut SyncWorker<'_>, person: &LinkedPerson) -> Result<(), SyncError> {
    let Some(noted) = &person.noted else { return Ok(()) };
    if noted.held && noted.connection_id != work.pool.connection.id {
        return Ok(());
    }
    let mut tx = work.idp.signin.kernel.db.begin().await?;
    accounts::lock(&mut tx, &work.context.account_id).await?;
    store::forget(&mut tx, &work.context.account_id, &person.user_id).await?;
    let user = users::by_id(&mut tx, &work.context.account_id, &person.user_id).await?;
    let may_come_in = |user: &User| {
        !noted.held && !user.is_active() && user.epoch == noted.user_epoch && user.connection_id.is_none()
    };
    if let Some(user) = user.filter(may_come_in) {
        access::set_user_active(&mut tx, &work.context, &user, true).await?;
        work.report.reactivated += 1;
    }
    if !work.report.preview {
        tx.commit().await?;
    }
    Ok(())
}
