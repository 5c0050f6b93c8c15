//! The rule that an account keeps an active administrator: without one, no user could create another.

use super::bindings::{has_other_admin, is_active_admin};
use crate::directory::users::User;
use crate::directory::{Error, accounts};
use crate::kernel::Tx;

/// Refuses with [`Error::LastAdmin`] when `user` is the only active administrator of its account.
///
/// The account stays locked until the unit of work ends, and what the rule depends on is read under that lock. Otherwise
/// two administrators who are deactivated at the same time would each be let go because the other one is still there.
pub async fn ensure_not_last_admin(tx: &mut Tx, user: &User) -> Result<(), Error> {
    accounts::lock(tx, &user.account_id).await?;
    if !is_active_admin(tx, &user.account_id, &user.id).await?
        || has_other_admin(tx, &user.account_id, &user.id).await?
    {
        return Ok(());
    }
    Err(Error::LastAdmin)
}
