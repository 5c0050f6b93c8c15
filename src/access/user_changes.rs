//! The one place where it changes who may still come in. Pages, REST, SCIM, synchronisation, import and commands all come
//! through here: the operations of the directory that end access are called from this file alone.
//!
//! What reads a set and changes it (who is an administrator) holds the account's lock. What ends sessions raises the
//! user's epoch in the same transaction; a sign-in that was under way then makes a session of an epoch that is over.
//! The account is always locked before a user.

use super::bindings::{bind_role, roles_of, unbind_all_roles, unbind_role};
use super::{PrincipalKind, Role, ensure_not_last_admin, tokens};
use crate::audit::Context;
use crate::directory::users::{ChangeAuthority, Profile, User, unchecked};
use crate::directory::{Error, accounts};
use crate::kernel::TextEnum as _;
use crate::kernel::Tx;

/// Gives `user` the profile `wanted`. Writing what is there already changes nothing and leaves no event.
///
/// Deactivation and another address void every session, token and mailed link of the user in the same statement.
pub async fn update_user(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    user: &User,
    wanted: Profile,
) -> Result<User, Error> {
    if !wanted.active {
        ensure_not_last_admin(tx, user).await?;
    }
    let updated = unchecked::update(tx, context, authority, user, wanted).await?;
    if updated.epoch > user.epoch {
        tokens::revoke_void(tx, &updated).await?;
    }
    Ok(updated)
}

/// Activates or deactivates a user, also one that a connection manages.
pub async fn set_user_active(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    active: bool,
) -> Result<User, Error> {
    let wanted = Profile { active, ..user.profile() };
    update_user(tx, context, ChangeAuthority::Local, user, wanted).await
}

/// Deletes `user` with its roles, memberships, password and sessions. The audit trail keeps its name.
pub async fn delete_user(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    user: &User,
) -> Result<(), Error> {
    unchecked::ensure_deletable(tx, authority, user).await?;
    ensure_not_last_admin(tx, user).await?;
    unchecked::delete(tx, context, user).await?;
    Ok(unbind_all_roles(tx, context, PrincipalKind::User, &user.id, &user.user_name).await?)
}

/// Ends the epoch of `user`, and with it every session, API token, remembered browser, mailed link and unfinished
/// sign-in. Returns the user as they are in the new epoch, to which the caller may carry something over.
///
/// The user's row stays locked until the unit of work ends. A sign-in that has checked an old password or factor
/// meanwhile finds another epoch, or makes a session that is void.
pub async fn raise_epoch(tx: &mut Tx, user: &User) -> Result<User, Error> {
    unchecked::raise_epoch(tx, user).await
}

/// Gives `user` exactly the roles `wanted`. The account stays locked until the unit of work ends.
pub async fn set_user_roles(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    wanted: &[Role],
) -> Result<(), Error> {
    accounts::lock(tx, &user.account_id).await?;
    let present = roles_of(tx, &user.id).await?;
    if present.contains(&Role::AccountAdmin) && !wanted.contains(&Role::AccountAdmin) {
        ensure_not_last_admin(tx, user).await?;
    }
    let (kind, id, name) = (PrincipalKind::User, user.id.as_str(), user.user_name.as_str());
    for role in Role::ALL.iter().copied() {
        match (present.contains(&role), wanted.contains(&role)) {
            (false, true) => bind_role(tx, context, kind, id, name, role).await?,
            (true, false) => unbind_role(tx, context, kind, id, name, role).await?,
            _ => {}
        }
    }
    Ok(())
}
