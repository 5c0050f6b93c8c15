//! Setting a password.

use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::User;
use crate::kernel::Tx;

/// Stores `hash` (from [`super::Hasher::hash`], made before the unit of work began: hashing takes
/// longer than anybody should wait for the writer) as the user's password.
///
/// # Errors
/// The database's.
pub async fn set(tx: &mut Tx, context: &Context, user: &User, hash: &str) -> Result<(), sqlx::Error> {
    store::put(tx, &user.account_id, &user.id, hash).await?;
    audit::record(tx, context, Event::new(Action::PasswordSet, "user", &user.id, &user.user_name)).await
}
