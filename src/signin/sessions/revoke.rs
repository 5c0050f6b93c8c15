//! Ending sessions.

use serde_json::json;

use super::model::Session;
use super::store;
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::User;
use crate::kernel::Tx;

/// Ends one session.
pub async fn revoke(tx: &mut Tx, context: &Context, session: &Session) -> Result<(), sqlx::Error> {
    if store::delete(tx, &session.user_id, &session.id).await? == 0 {
        return Ok(());
    }
    let device = session.device();
    audit::record(tx, context, Event::new(Action::SessionRevoke, "session", &session.id, &device)).await
}

/// Ends all sessions of `user` except the one with id `except` (empty for none); returns how many.
pub async fn revoke_all(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    except: &str,
) -> Result<u64, sqlx::Error> {
    let ended = store::delete_all(tx, &user.id, except).await?;
    if ended > 0 {
        let event = Event::new(Action::SessionRevoke, "user", &user.id, &user.user_name);
        audit::record(tx, context, event.detail(json!({"sessions": ended}))).await?;
    }
    Ok(ended)
}

/// Ends the principal's own session.
pub async fn sign_out(tx: &mut Tx, context: &Context, principal: &Principal) -> Result<(), sqlx::Error> {
    let Some(id) = principal.session_id() else { return Ok(()) };
    if store::delete(tx, &principal.user_id(), id).await? == 0 {
        return Ok(());
    }
    audit::record(tx, context, Event::new(Action::SignOut, "user", &principal.id, &principal.name)).await
}
