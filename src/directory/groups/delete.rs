//! Deleting a group.

use super::super::users::Authority;
use super::super::{Error, users};
use super::model::Group;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;

/// Deletes `group` and its memberships.
///
/// # Errors
/// [`Error::Managed`] when a directory connection manages it and somebody else asks.
pub async fn delete(
    tx: &mut Tx,
    context: &Context,
    authority: Authority<'_>,
    group: &Group,
) -> Result<(), Error> {
    let own = match (&group.connection_id, authority) {
        (None, Authority::Local) => true,
        (Some(manager), Authority::Connection(id)) => manager == id,
        _ => false,
    };
    if !own {
        let connection = match &group.connection_id {
            Some(manager) => users::connection_name(tx, manager).await?,
            None => return Err(Error::Forbidden("This group was made by hand and is deleted by hand.")),
        };
        return Err(Error::Managed { connection });
    }
    store::delete(tx, group).await?;
    audit::record(tx, context, Event::new(Action::GroupDelete, "group", &group.id, &group.name)).await?;
    Ok(())
}
