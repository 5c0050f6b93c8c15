//! Deleting a user.

use super::model::{ChangeAuthority, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::Tx;

/// Deletes `user` with their memberships, password and sessions. The audit trail keeps the name.
pub async fn delete(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    user: &User,
) -> Result<(), Error> {
    match (authority, user.connection_id.as_deref()) {
        (ChangeAuthority::Local, None) => {}
        (ChangeAuthority::Connection(id), Some(manager)) if id == manager => {}
        (ChangeAuthority::Connection(_), None) => {
            return Err(Error::Forbidden("This user was made by hand and is deleted by hand."));
        }
        (_, Some(manager)) => {
            return Err(Error::Managed { connection: store::connection_name(tx, manager).await? });
        }
    }
    store::remove(tx, user).await?;
    audit::record(tx, context, Event::new(Action::UserDelete, "user", &user.id, &user.user_name)).await?;
    Ok(())
}
