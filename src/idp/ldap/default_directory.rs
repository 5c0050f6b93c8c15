//! Which password a user signs in with: a directory's or the one stored here.

use crate::idp::connections::{self, Connection};
use crate::kernel::AccountId;
use crate::kernel::database::DbConn;
use crate::signin;

/// The directory that checks the password of a user who typed `name`, if their domain is routed to no
/// connection. Users with a password here keep signing in with it, so that a default directory cannot lock
/// out an administrator. A connection that cannot be read is returned as well; the caller then refuses the
/// sign-in and tries no other password.
pub async fn default_directory_for(
    c: &mut DbConn,
    account_id: &AccountId,
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
