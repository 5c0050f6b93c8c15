//! Deleting a service account.

use super::store::{self, ServiceAccount};
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::kernel::Tx;

/// Deletes the service account. Its tokens stop working at once.
pub async fn delete(tx: &mut Tx, context: &Context, account: &ServiceAccount) -> Result<(), Error> {
    if account.connection_id.is_some() {
        return Err(Error::Forbidden(
            "This service account belongs to a SCIM connection. Delete the connection instead.",
        ));
    }
    store::remove(tx, &context.account_id, &account.id).await?;
    let event = Event::new(Action::ServiceAccountDelete, "service_account", &account.id, &account.name);
    audit::record(tx, context, event).await?;
    Ok(())
}
