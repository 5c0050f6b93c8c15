//! Deleting a group.

use super::model::Group;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::ChangeAuthority;
use crate::directory::{Error, users};
use crate::kernel::Tx;

/// Deletes `group` and its memberships.
pub async fn delete(
    tx: &mut Tx,
    context: &Context,
    authority: ChangeAuthority<'_>,
    group: &Group,
) -> Result<(), Error> {
    let own = match (&group.connection_id, authority) {
        (None, ChangeAuthority::Local) => true,
        (Some(manager), ChangeAuthority::Connection(id)) => manager == id,
        _ => false,
    };
    if !own {
        let connection = match &group.connection_id {
            Some(manager) => users::connection_name(tx, manager).await?,
            None => {
                return Err(Error::Forbidden(
                    "This group was created manually, so provisioning cannot delete it. Delete it in the \
                     console.",
                ));
            }
        };
        return Err(Error::Managed { connection });
    }
    store::delete(tx, group).await?;
    audit::record(tx, context, Event::new(Action::GroupDelete, "group", &group.id, &group.name)).await?;
    Ok(())
}
