//! Whose password is asked for: a directory's, or the one that is kept here.

use crate::idp::connections::{self, Connection};
use crate::kernel::database::DbConn;
use crate::signin;

/// The directory that checks the password of somebody who calls themselves `name`, and whose domain leads nowhere. Who
/// has a password here keeps signing in with that: an administrator is not locked out by a directory that is there for
/// everybody. One that cannot be read is found as well: the caller refuses then, and asks for no other password.
pub async fn default_directory_for(
    c: &mut DbConn,
    account_id: &str,
    name: &str,
) -> Result<Option<Connection>, sqlx::Error> {
    let Some(connection) = connections::find_default_directory(c, account_id, name).await? else {
        return Ok(None);
    };
    if signin::has_password(c, account_id, name).await? {
        return Ok(None);
    }
    Ok(Some(connection))
}
