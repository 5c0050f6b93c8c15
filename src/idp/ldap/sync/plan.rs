//! Planning the next run of a connection.

use super::schedule::Schedule;
use super::store;
use crate::directory::Error;
use crate::idp::connections::LdapConnection;
use crate::kernel::{Timestamp, Tx};

/// Plans the next run by the connection's current settings, or removes the plan if the directory is not
/// synchronised.
pub async fn plan_next_run(tx: &mut Tx, connection: &LdapConnection) -> Result<(), Error> {
    let next = if connection.is_enabled() { next_run(connection, tx.now())? } else { None };
    Ok(store::set_next_run(tx, connection, next).await?)
}

/// When the run after `now` is due; `None` if there is none.
pub(super) fn next_run(connection: &LdapConnection, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let settings = &connection.settings;
    if !settings.is_synced() {
        return Ok(None);
    }
    Ok(Schedule::parse(&settings.schedule)?.next(now))
}
