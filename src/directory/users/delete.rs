//! Deleting a user.

use super::model::{ChangeAuthority, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::Tx;
use crate::kernel::database::DbConn;

/// Refuses a deletion by an authority that does not manage `user`.
pub async fn ensure_deletable(
    c: &mut DbConn,
    authority: ChangeAuthority<'_>,
    user: &User,
) -> Result<(), Error> {
    match (authority, user.connection_id.as_deref()) {
        (ChangeAuthority::Local, None) => Ok(()),
        (ChangeAuthority::Connection(id), Some(manager)) if id == manager => Ok(()),
        (ChangeAuthority::Connection(_), None) => Err(Error::Forbidden(
            "This user was created manually, so provisioning cannot delete it. Delete it in the console.",
        )),
        (_, Some(manager)) => Err(Error::Managed { connection: store::connection_name(c, manager).await? }),
    }
}

/// Deletes `user` with its memberships, password and sessions. The audit trail keeps its name.
pub async fn delete(tx: &mut Tx, context: &Context, user: &User) -> Result<(), Error> {
    store::remove(tx, user).await?;
    audit::record(tx, context, Event::new(Action::UserDelete, "user", &user.id, &user.user_name)).await?;
    Ok(())
}
