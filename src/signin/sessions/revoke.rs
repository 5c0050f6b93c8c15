//! Ending sessions.

use serde_json::json;

use super::model::Session;
use super::store;
use crate::access::{self, Principal, tokens as api_tokens};
use crate::audit::{self, Action, Actor, ActorKind, Context, Event};
use crate::directory::Error;
use crate::directory::users::User;
use crate::kernel::http::RequestContext;
use crate::kernel::tokens::{self, OpaqueTokenKind};
use crate::kernel::{ConnectionId, Tx};
use crate::signin::{factors, one_time_links};

/// Ends one session.
pub async fn revoke(tx: &mut Tx, context: &Context, session: &Session) -> Result<(), sqlx::Error> {
    if store::delete(tx, &session.user_id, &session.id).await? == 0 {
        return Ok(());
    }
    let device = session.device();
    audit::record(tx, context, Event::new(Action::SessionRevoke, "session", &session.id, &device)).await
}

/// Ends all sessions of `user` except the one with id `except` (empty for none), also those that sign-ins under way
/// are about to make. API tokens, remembered browsers and mailed links stay valid. Returns the user as they are in
/// their new epoch.
pub async fn revoke_all(tx: &mut Tx, context: &Context, user: &User, except: &str) -> Result<User, Error> {
    let user = access::raise_epoch(tx, user).await?;
    api_tokens::carry_over(tx, &user).await?;
    factors::carry_over_remembered_browsers(tx, &user).await?;
    one_time_links::carry_over(tx, &user).await?;
    sweep(tx, context, &user, except).await?;
    Ok(user)
}

/// Ends the sessions of `user` that began with a connection, also those that sign-ins under way are about to make.
/// Everything else stays valid. Returns the user as they are in their new epoch.
pub async fn revoke_of_connection(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    connection_id: &ConnectionId,
) -> Result<User, Error> {
    let user = access::raise_epoch(tx, user).await?;
    api_tokens::carry_over(tx, &user).await?;
    factors::carry_over_remembered_browsers(tx, &user).await?;
    one_time_links::carry_over(tx, &user).await?;
    store::carry_over_others(tx, &user, connection_id).await?;
    let ended = store::delete_of_connection(tx, &user, connection_id).await?;
    if ended > 0 {
        let event = Event::new(Action::SessionRevoke, "user", &user.id, &user.user_name);
        let detail = json!({"sessions": ended, "connection": connection_id});
        audit::record(tx, context, event.detail(detail)).await?;
    }
    Ok(user)
}

/// Takes the session with id `kept` (empty for none) over to the epoch that `user` has just entered, deletes the others,
/// which are void, and marks API tokens that are void as revoked. Returns how many sessions were deleted.
pub async fn sweep(tx: &mut Tx, context: &Context, user: &User, kept: &str) -> Result<u64, sqlx::Error> {
    store::carry_over(tx, user, kept).await?;
    api_tokens::revoke_void(tx, user).await?;
    let ended = store::delete_all(tx, &user.id, kept).await?;
    if ended > 0 {
        let event = Event::new(Action::SessionRevoke, "user", &user.id, &user.user_name);
        audit::record(tx, context, event.detail(json!({"sessions": ended}))).await?;
    }
    Ok(ended)
}

/// Ends the session that a browser presents at a new sign-in, because the cookie of the new session takes the
/// place of its cookie, and that browser could not end it any more. `secret` is the old cookie.
pub(crate) async fn end_replaced(
    tx: &mut Tx,
    request: &RequestContext,
    secret: &str,
) -> Result<(), sqlx::Error> {
    let Some(id) = tokens::row_id(OpaqueTokenKind::Session, secret) else { return Ok(()) };
    let Some(live) = store::find_by_secret(tx, id, secret).await? else { return Ok(()) };
    let Some(session) = store::by_id(tx, &live.user_id, &live.id).await? else { return Ok(()) };
    let actor = Actor { kind: ActorKind::User, id: Some(String::from(&live.user_id)), name: live.user_name };
    revoke(tx, &Context::of(&live.account_id, actor, request), &session).await
}

/// Ends the principal's own session.
pub async fn sign_out(tx: &mut Tx, context: &Context, principal: &Principal) -> Result<(), sqlx::Error> {
    let Some(id) = principal.session_id() else { return Ok(()) };
    if store::delete(tx, &principal.user_id(), id).await? == 0 {
        return Ok(());
    }
    audit::record(tx, context, Event::new(Action::SignOut, "user", &principal.id, &principal.name)).await
}
