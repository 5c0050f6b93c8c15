//! Planning the next run of a connection.

use super::schedule::Schedule;
use super::store;
use crate::directory::Error;
use crate::idp::connections::LdapConnection;
use crate::kernel::Tx;

/// Plans the next run by the connection's current settings, or removes the plan if groups are not
/// synchronised.
pub async fn plan_next_run(tx: &mut Tx, connection: &LdapConnection) -> Result<(), Error> {
    let settings = &connection.settings;
    let next = if settings.group_sync && connection.is_enabled() {
        Schedule::parse(&settings.schedule)?.next(tx.now())
    } else {
        None
    };
    Ok(store::set_next_run(tx, connection, next).await?)
}
