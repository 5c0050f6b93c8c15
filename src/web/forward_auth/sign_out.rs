//! Sign-out at the host of an application.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::host::{AtHost, Peer};
use super::pages;
use crate::access::Principal;
use crate::apps::forward_auth::{self, ApplicationRequest};
use crate::directory::accounts;
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::sessions::RequestedBy;
use crate::web::{AppState, Error, guard};

async fn principal_of(
    app: &AppState,
    at: &AtHost,
    headers: &HeaderMap,
) -> Result<Option<Principal>, sqlx::Error> {
    match at.cookies().session_of(headers) {
        Some(secret) => {
            let host = Some(at.address.host.as_str());
            let request = ApplicationRequest { secret, host, by: RequestedBy::Person };
            forward_auth::authenticate(&app.signin, &at.application, &request).await
        }
        None => Ok(None),
    }
}

pub(super) async fn show(
    State(app): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let at = AtHost::find(&app, &peer, &headers).await?;
    let principal = principal_of(&app, &at, &headers).await?;
    pages::sign_out(&app, &at.application, principal.as_ref())
}

/// Signs out of this application, of this server and of all other applications.
pub(super) async fn submit(
    State(app): State<AppState>,
    peer: Peer,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let at = AtHost::find(&app, &peer, &headers).await?;
    if !guard::comes_from(&at.address.origin(), &headers) {
        return Err(Error::Refused(Refusal::new(
            StatusCode::FORBIDDEN,
            "Cross-site request blocked",
            "This request did not come from a page of the application. Open /.vestibule/sign-out at the \
             application to sign out.",
        )));
    }
    let principal = principal_of(&app, &at, &headers).await?;
    let mut tx = app.kernel.db.begin().await?;
    if let Some(principal) = principal {
        forward_auth::sign_out(&mut tx, &principal.context(&request), &principal).await?;
    }
    let account = accounts::by_id(&mut tx, &at.application.account_id).await?;
    tx.commit().await?;
    let slug = account.map(|account| account.slug).unwrap_or_default();
    let login = app.kernel.urls.absolute(&format!("/login?account={slug}&notice=signed_out"));
    Ok(([(header::SET_COOKIE, at.cookies().clear_session())], Redirect::to(&login)).into_response())
}
