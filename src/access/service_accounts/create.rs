//! Creating a service account.

use super::store::{self, ServiceAccount};
use crate::access::{PrincipalKind, Role, bind_role};
use crate::audit::{self, Action, Context, Event};
use crate::directory::{Error, check_name};
use crate::kernel::{ConnectionId, Tx};

/// Creates a service account, with a role if one is given.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    name: &str,
    role: Option<Role>,
    connection_id: Option<&ConnectionId>,
) -> Result<ServiceAccount, Error> {
    check_name("name", name, 128)?;
    if store::by_name(tx, &context.account_id, name).await?.is_some() {
        return Err(Error::Duplicate { field: "name" });
    }
    let made = store::insert(tx, &context.account_id, name.trim(), connection_id).await?;
    let event = Event::new(Action::ServiceAccountCreate, "service_account", &made.id, &made.name);
    audit::record(tx, context, event).await?;
    if let Some(role) = role {
        bind_role(tx, context, PrincipalKind::ServiceAccount, &made.id, &made.name, role).await?;
    }
    Ok(made)
}
