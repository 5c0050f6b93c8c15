//! `/forward-auth` without an application, which is deprecated. It knows neither the application nor its
//! account, so it answers only on servers with a single account.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::host::requested_by;
use crate::access::Principal;
use crate::apps::forward_auth::{IDENTITY_HEADERS, RequestIdentity};
use crate::directory::{accounts, groups, users};
use crate::kernel::http::Refusal;
use crate::web::{AppState, Error, guard};

/// 200 with the user in `X-Forwarded-*` headers, or 401. Only the session counts: a token of the REST API
/// must not reach an application.
pub(super) async fn decide(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, Error> {
    if accounts::find_single(&mut *app.kernel.db.read().await?).await?.is_none() {
        return Err(Error::Refused(Refusal::new(
            StatusCode::GONE,
            "Register the application",
            "This server has several accounts. Register the application in the console, and let the reverse \
             proxy use the URL for forward auth that is shown there.",
        )));
    }
    let principal = guard::authenticate_session(&app, &headers, requested_by(&headers)).await?;
    let may_enter = |principal: &Principal| guard::page_for_restriction(principal.restriction()).is_none();
    let Some(principal) = principal.filter(may_enter) else {
        return Ok(signed_out());
    };
    let mut c = app.kernel.db.read().await?;
    let user = users::by_id(&mut c, &principal.account_id, &principal.user_id()).await?;
    // Names of groups are not unique, and a directory can choose them; identifiers are unique.
    let own = groups::of_user(&mut c, &principal.account_id, &principal.user_id()).await?;
    let identity = RequestIdentity {
        user_name: principal.name,
        email: user.and_then(|user| user.email).unwrap_or_default(),
        groups: own.into_iter().map(|group| group.identifier).collect(),
        ..RequestIdentity::default()
    };
    let mut headers = identity.headers();
    for name in IDENTITY_HEADERS.into_iter().filter(|name| name.starts_with("x-vestibule-")) {
        headers.remove(name);
    }
    Ok(headers.into_response())
}

fn signed_out() -> Response {
    let refusal = Refusal::new(
        StatusCode::UNAUTHORIZED,
        "Not signed in",
        "There is no session, or it must complete two-factor authentication first. Sign in and try again.",
    );
    let mut response = refusal.into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
