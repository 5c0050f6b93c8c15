//! Whose password is asked for: a directory's, or the one that is kept here.

use super::super::connections::{self, Connection, LdapSettings};
use crate::kernel::database::Connection as Db;
use crate::signin;

/// The directory that checks the password of somebody who calls themselves `name`, and whose domain leads nowhere. Who
/// has a password here keeps signing in with that: an administrator is not locked out by a directory that is there for
/// everybody.
///
/// # Errors
/// The database's.
pub async fn door_for_all(
    c: &mut Db,
    account_id: &str,
    name: &str,
) -> Result<Option<(Connection, LdapSettings)>, sqlx::Error> {
    let Some(connection) = connections::directory_for_all(c, account_id, name).await? else {
        return Ok(None);
    };
    if signin::has_password(c, account_id, name).await? {
        return Ok(None);
    }
    Ok(connection.ldap().map(|settings| (connection, settings)))
}
