//! Beginning a session, and giving one a new secret.

use serde_json::json;

use super::store::{self, NewSession};
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::User;
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::kernel::tokens::{Purpose, Token};
use crate::signin::Proof;

/// Begins a session and returns its secret for the cookie. Always a new secret: one that was known
/// before sign-in is worth nothing after it.
///
/// `None` when the user is not what was looked up any more: not active, of another epoch, or, with
/// `unchanged`, of another password than the one with this hash.
///
/// # Errors
/// The database's.
pub async fn create(
    tx: &mut Tx,
    user: &User,
    (proof, unchanged): (&Proof, Option<&str>),
    request: &RequestContext,
) -> Result<Option<String>, sqlx::Error> {
    let token = Token::generate(Purpose::Session);
    let new = NewSession {
        account_id: &user.account_id,
        user_id: &user.id,
        user_epoch: user.epoch,
        hash: &token.hash,
        method: proof.method.as_str(),
        connection_id: proof.connection_id.as_deref(),
        amr: proof.amr.join(" "),
        acr: &proof.acr,
        address: request.address.to_string(),
        user_agent: &request.user_agent,
    };
    Ok(store::insert(tx, &new, unchanged).await?.then_some(token.secret))
}

/// The principal has just proved again who they are: notes that and gives their session a new secret,
/// so that a cookie copied before does not profit. `None` when it is no session, or ended meanwhile.
///
/// # Errors
/// The database's.
pub async fn renew(
    tx: &mut Tx,
    context: &Context,
    principal: &Principal,
) -> Result<Option<String>, sqlx::Error> {
    let Some(id) = principal.session_id() else { return Ok(None) };
    let token = Token::generate(Purpose::Session);
    if !store::renew(tx, &principal.id, id, &token.hash).await? {
        return Ok(None);
    }
    let event = Event::new(Action::SessionConfirm, "session", id, &principal.name);
    audit::record(tx, context, event.detail(json!({"method": "password"}))).await?;
    Ok(Some(token.secret))
}
