//! Deleting a connection.

use serde_json::json;

use super::model::Connection;
use super::store;
use crate::access::service_accounts;
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::Tx;

/// Deletes `connection`. Its tokens stop working at once. The users and groups that it managed stay and
/// become ordinary ones of the account.
pub async fn delete(tx: &mut Tx, context: &Context, connection: &Connection) -> Result<(), Error> {
    if store::has_group_links(tx, &connection.id).await? {
        return Err(Error::Forbidden(
            "Groups are linked to this connection. Unlink them first and choose whether their members are \
             kept.",
        ));
    }
    let released = store::count_managed(tx, &connection.id).await?;
    store::release(tx, &connection.id).await?;
    if let Some(service_account) =
        service_accounts::of_connection(tx, &context.account_id, &connection.id).await?
    {
        let event = Event::new(
            Action::ServiceAccountDelete,
            "service_account",
            &service_account.id,
            &service_account.name,
        );
        audit::record(tx, context, event).await?;
    }
    store::remove(tx, connection).await?;
    let event = Event::new(Action::ConnectionDelete, "connection", &connection.id, &connection.name);
    audit::record(tx, context, event.detail(json!({"released": released}))).await?;
    Ok(())
}
