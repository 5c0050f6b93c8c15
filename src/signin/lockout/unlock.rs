//! Ends a lock early.

use super::{CredentialKind, store};
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::User;
use crate::kernel::Tx;

/// Clears the failed attempts of `user` with one kind of credential, or with all. Returns true when they
/// were locked, and then records an event with `how`: `administrator` or `reset`.
pub async fn unlock(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    factor: Option<CredentialKind>,
    how: &'static str,
) -> Result<bool, sqlx::Error> {
    let was_locked = match factor {
        Some(factor) => store::unlock_kind(tx, &user.id, factor).await?,
        None => store::unlock_all(tx, &user.id).await?,
    };
    if was_locked {
        let event = Event::new(Action::UserUnlock, "user", &user.id, &user.user_name);
        audit::record(tx, context, event.detail(serde_json::json!({"how": how}))).await?;
    }
    Ok(was_locked)
}
