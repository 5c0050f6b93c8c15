//! Sessions at applications. Each is derived from a session at this server and ends with it.

use super::store::{self, NewApplicationSession};
use crate::access::Principal;
use crate::apps::Application;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::signin::{SignIn, sessions};

/// Creates a session at an application and returns its secret for the cookie.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    app: &Application,
    new: &NewApplicationSession<'_>,
) -> Result<String, sqlx::Error> {
    let id = tx.new_id();
    let token = OpaqueToken::for_row(OpaqueTokenKind::ApplicationSession, &id);
    store::insert(tx, app, new, &id, &token.hash).await?;
    audit::record(tx, context, Event::new(Action::AppSignIn, "app", &app.id, &app.name)).await?;
    Ok(token.secret)
}

/// The user of a session at this application. `host` is the host that was requested, if it is known; a
/// session counts at its own host only.
pub async fn authenticate(
    signin: &SignIn,
    app: &Application,
    secret: &str,
    host: Option<&str>,
) -> Result<Option<Principal>, sqlx::Error> {
    let Some(id) = tokens::row_id(OpaqueTokenKind::ApplicationSession, secret) else { return Ok(None) };
    let mut c = signin.kernel.db.read().await?;
    let row = store::session(&mut c, app, id).await?;
    drop(c);
    let is_theirs = |row: &store::SessionRow| {
        tokens::constant_time_eq(&row.hash, &tokens::hash(secret)) && host.is_none_or(|host| host == row.host)
    };
    let Some(row) = row.filter(is_theirs) else { return Ok(None) };
    let principal = sessions::authenticate_derived(signin, &row.session_id).await?;
    Ok(principal.filter(|principal| principal.account_id == app.account_id))
}

/// Ends the session at this server that the session at an application was derived from, and with it all
/// sessions at applications: otherwise the next request would sign the user in again.
pub async fn sign_out(tx: &mut Tx, context: &Context, principal: &Principal) -> Result<(), sqlx::Error> {
    sessions::sign_out(tx, context, principal).await?;
    store::delete_ended(tx).await.map(drop)
}
