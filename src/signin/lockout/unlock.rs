//! Ending a lock before its time.

use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::User;
use crate::kernel::Tx;

/// Forgets the failed attempts of `user`; true when they were locked, which leaves an event with `how`:
/// `administrator`, `reset`.
///
/// # Errors
/// The database's.
pub async fn unlock(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    how: &'static str,
) -> Result<bool, sqlx::Error> {
    let was_locked = store::clear(tx, &user.id).await?;
    if was_locked {
        let event = Event::new(Action::UserUnlock, "user", &user.id, &user.user_name);
        audit::record(tx, context, event.detail(serde_json::json!({"how": how}))).await?;
    }
    Ok(was_locked)
}
