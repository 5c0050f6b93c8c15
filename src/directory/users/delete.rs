//! Deleting a user.

use super::super::Error;
use super::model::{Authority, User};
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;

/// Deletes `user` with its memberships, password and sessions. The audit trail keeps its name.
///
/// # Errors
/// [`Error::Managed`] when a directory connection manages it and somebody else asks; [`Error::Forbidden`]
/// when nobody does and a directory asks.
pub async fn delete(
    tx: &mut Tx,
    context: &Context,
    authority: Authority<'_>,
    user: &User,
) -> Result<(), Error> {
    match (authority, user.connection_id.as_deref()) {
        (Authority::Local, None) => {}
        (Authority::Connection(id), Some(manager)) if id == manager => {}
        (Authority::Connection(_), None) => {
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
