//! The changes of a user that can cost an account its last administrator. Pages, REST, SCIM, synchronisation, import and
//! commands all come through here: the operations of the directory that write are called from this file alone.

use super::bindings::{bind_role, roles_of, unbind_all_roles, unbind_role};
use super::{PrincipalKind, Role, ensure_not_last_admin};
use crate::audit::Context;
use crate::directory::Error;
use crate::directory::users::{ChangeAuthority, Profile, User, unchecked};
use crate::kernel::TextEnum as _;
use crate::kernel::Tx;

/// Gives `user` the profile `wanted`. Writing what is there already changes nothing and leaves no event.
///
/// Deactivation voids every session and token of the user in the same statement.
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
    unchecked::update(tx, context, authority, user, wanted).await
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

/// Gives `user` exactly the roles `wanted`.
pub async fn set_user_roles(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    wanted: &[Role],
) -> Result<(), Error> {
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
