//! Sessions at applications. Each is derived from a session at this server and ends with it.

use super::store::{self, NewApplicationSession, SessionRow};
use crate::access::Principal;
use crate::apps::Application;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;
use crate::kernel::database::DbConn;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::signin::SignIn;
use crate::signin::sessions::{self, RequestedBy};

/// Creates a session at an application and returns its secret for the cookie. A browser that comes again keeps
/// the session whose cookie it has; without the cookie, it gets a new secret for the session. Only a session
/// that is new is a sign-in for the audit trail.
pub async fn create(
    tx: &mut Tx,
    context: &Context,
    app: &Application,
    new: &NewApplicationSession<'_>,
) -> Result<String, sqlx::Error> {
    if let Some(secret) = new.presented {
        let found = find(tx, app, secret, Some(new.host)).await?;
        if found.is_some_and(|row| row.session_id == new.session_id) {
            return Ok(secret.to_owned());
        }
    }
    let id = tx.new_id();
    let token = OpaqueToken::for_row(OpaqueTokenKind::ApplicationSession, &id);
    if store::insert(tx, app, new, &id, &token.hash).await? {
        audit::record(tx, context, Event::new(Action::AppSignIn, "app", &app.id, &app.name)).await?;
    } else {
        store::replace(tx, app, new, &id, &token.hash).await?;
    }
    Ok(token.secret)
}

/// The session at this application with this secret. It counts at its own host only, and as long as the
/// application answers for that host; `host` is the one that was requested, if it is known.
async fn find(
    c: &mut DbConn,
    app: &Application,
    secret: &str,
    host: Option<&str>,
) -> Result<Option<SessionRow>, sqlx::Error> {
    let Some(id) = tokens::row_id(OpaqueTokenKind::ApplicationSession, secret) else { return Ok(None) };
    let is_theirs = |row: &SessionRow| {
        tokens::constant_time_eq(&row.hash, &tokens::hash(secret))
            && app.hosts.contains(&row.host)
            && host.is_none_or(|host| host == row.host)
    };
    Ok(store::session(c, app, id).await?.filter(is_theirs))
}

/// The user of a session at this application, as `request` presents it.
pub async fn authenticate(
    signin: &SignIn,
    app: &Application,
    request: &ApplicationRequest<'_>,
) -> Result<Option<Principal>, sqlx::Error> {
    let mut c = signin.kernel.db.read().await?;
    let row = find(&mut c, app, request.secret, request.host).await?;
    drop(c);
    let Some(row) = row else { return Ok(None) };
    let principal = sessions::authenticate_derived(signin, &row.session_id, request.by).await?;
    Ok(principal.filter(|principal| principal.account_id == app.account_id))
}

/// A request with the cookie of a session at an application.
#[derive(Debug, Clone, Copy)]
pub struct ApplicationRequest<'a> {
    /// The secret in the cookie.
    pub secret: &'a str,
    /// The host that was requested, if it is known.
    pub host: Option<&'a str>,
    /// Who made it.
    pub by: RequestedBy,
}

/// Ends the session at this server that the session at an application was derived from, and with it all
/// sessions at applications: otherwise the next request would sign the user in again.
pub async fn sign_out(tx: &mut Tx, context: &Context, principal: &Principal) -> Result<(), sqlx::Error> {
    sessions::sign_out(tx, context, principal).await?;
    match principal.session_id() {
        Some(id) => store::delete_derived(tx, &principal.account_id, id).await,
        None => Ok(()),
    }
}
