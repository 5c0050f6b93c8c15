//! Enforces the guard of each route before its handler runs: CSRF protection, authentication, session
//! restrictions and permissions, in this order.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::MethodRouter;

use super::{AppState, Error};
use crate::access::tokens::{self, AuthenticatedToken, TokenPurpose};
use crate::access::{Credential, Guard, Principal, PrincipalKind, SessionRestriction};
use crate::kernel::UserId;
use crate::kernel::http::{Refusal, bearer, cookie};
use crate::kernel::urls::query_value;
use crate::signin::sessions::{self, RequestedBy};
use crate::signin::{flow, policy};

/// Wraps a handler in its guard.
pub(super) fn protect(app: &AppState, guard: Guard, handler: MethodRouter) -> MethodRouter {
    let app = app.clone();
    handler.layer(from_fn(move |request: Request, next: Next| {
        let app = app.clone();
        async move { check(&app, guard, request, next).await }
    }))
}

async fn check(app: &AppState, guard: Guard, mut request: Request, next: Next) -> Response {
    match guard {
        Guard::Callback | Guard::Application => return next.run(request).await,
        Guard::Scim => {
            let secret = bearer(request.headers()).map(str::to_owned);
            return app.scim.serve(secret.as_deref(), request, next).await;
        }
        Guard::Public | Guard::SignedIn | Guard::RestrictedSession | Guard::Requires(_) => {}
    }
    if let Err(refusal) = check_origin(app, request.method(), request.headers()) {
        return refusal.into_response();
    }
    if guard == Guard::Public {
        return next.run(request).await;
    }
    let principal = match authenticate(app, request.headers()).await {
        Ok(Some(principal)) => principal,
        Ok(None) => return unauthenticated(&request),
        Err(error) => return Error::from(error).into_response(),
    };
    if guard != Guard::RestrictedSession
        && let Some(page) = page_for_restriction(principal.restriction())
    {
        return match principal.credential {
            Credential::Session { .. } => restricted_session(&request, page),
            Credential::Token { .. } => restricted_token(),
        };
    }
    if let Guard::Requires(permission) = guard
        && let Err(missing) = principal.require(permission)
    {
        return Refusal::from(missing).into_response();
    }
    let writes = !request.method().is_safe();
    request.extensions_mut().insert(principal);
    let response = next.run(request).await;
    if writes {
        app.invalidate_caches();
    }
    response
}

/// The principal of a request: by API token if there is one, otherwise by session cookie.
pub(super) async fn authenticate(
    app: &AppState,
    headers: &HeaderMap,
) -> Result<Option<Principal>, sqlx::Error> {
    if let Some(secret) = bearer(headers).filter(|secret| is_ours(secret)) {
        return authenticate_token(app, secret).await;
    }
    authenticate_session(app, headers, RequestedBy::Person).await
}

/// The user of the session in the console's cookie. Tokens do not count.
pub(super) async fn authenticate_session(
    app: &AppState,
    headers: &HeaderMap,
    by: RequestedBy,
) -> Result<Option<Principal>, sqlx::Error> {
    match cookie(headers, flow::cookies(&app.kernel).session) {
        Some(secret) => sessions::authenticate(&app.signin, secret, by).await,
        None => Ok(None),
    }
}

async fn authenticate_token(app: &AppState, secret: &str) -> Result<Option<Principal>, sqlx::Error> {
    match tokens::authenticate(&app.kernel, secret, TokenPurpose::Api).await? {
        Some(token) => principal_of_token(app, token).await.map(Some),
        None => Ok(None),
    }
}

/// The principal of a token. A token that a user made without a second factor is restricted once the account
/// requires one of its users.
pub(super) async fn principal_of_token(
    app: &AppState,
    token: AuthenticatedToken,
) -> Result<Principal, sqlx::Error> {
    let AuthenticatedToken { mut principal, second_factor, .. } = token;
    if principal.kind == PrincipalKind::User
        && !second_factor
        && let Credential::Token { restriction, .. } = &mut principal.credential
    {
        let mut c = app.kernel.db.read().await?;
        let (user_id, now) = (UserId::from(principal.id.as_str()), app.kernel.clock.now());
        *restriction = policy::token_restriction(&mut c, &principal.account_id, &user_id, now).await?;
    }
    Ok(principal)
}

/// Whether a bearer token can be one of ours. Others belong to an application, whose pages send them to every
/// path of their host; they must not sign a user out.
pub(super) fn is_ours(secret: &str) -> bool {
    secret.starts_with("vst_")
}

/// Whether a page of this origin sent the request. Browsers report it in `Sec-Fetch-Site`, older ones in
/// `Origin`; scripts can set that header too.
pub(super) fn comes_from(origin: &str, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(from)) => from == origin,
        (None, None) => false,
    }
}

/// CSRF protection: a state-changing request must come from our own origin, or from the user directly. Browsers
/// never send a bearer token on their own, so a request with one is exempt.
fn check_origin(app: &AppState, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    // A token that is not ours does not authenticate; it counts as none where a session cookie would.
    let has_session = cookie(headers, flow::cookies(&app.kernel).session).is_some();
    if method.is_safe() || bearer(headers).is_some_and(|secret| is_ours(secret) || !has_session) {
        return Ok(());
    }
    let is_direct = headers.get("sec-fetch-site").is_some_and(|site| site == "none");
    if is_direct || comes_from(app.kernel.urls.origin(), headers) {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "Cross-site request blocked",
        format!(
            "This request did not come from a page of {}. Open the page on that site and try again. Scripts \
             must send a matching Origin header or a bearer token.",
            app.kernel.urls.origin()
        ),
    ))
}

/// The page where a restricted session does what it must do first.
pub(super) fn page_for_restriction(owes: SessionRestriction) -> Option<&'static str> {
    match owes {
        SessionRestriction::None | SessionRestriction::EnrolmentDueAt(_) => None,
        SessionRestriction::SecondFactorRequired => Some("/profile/confirm"),
        SessionRestriction::EnrolmentRequired => Some("/profile/two-factor/add"),
    }
}

/// Redirects a browser to the page that lifts the restriction, and back afterwards. Other clients get 401,
/// because a restricted session does not authenticate them.
fn restricted_session(request: &Request, page: &'static str) -> Response {
    if is_for_scripts(request) {
        let detail = format!(
            "Your account requires two-factor authentication, and this session has not completed it. Open \
             {page} in your browser."
        );
        return Refusal::new(StatusCode::UNAUTHORIZED, "Two-factor authentication required", detail)
            .into_response();
    }
    Redirect::to(&format!("{page}?return_to={}", query_value(requested_path(request)))).into_response()
}

/// 401 for a token that its owner made without a second factor, in an account that requires one.
fn restricted_token() -> Response {
    let detail = "Your account requires two-factor authentication, and this API token was generated without it. Sign in \
                  with two-factor authentication, generate a new token on your profile page and use it instead.";
    Refusal::new(StatusCode::UNAUTHORIZED, "Two-factor authentication required", detail).into_response()
}

fn is_for_scripts(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/api/") || !request.method().is_safe()
}

fn requested_path(request: &Request) -> &str {
    let uri = request.uri();
    uri.path_and_query().map_or(uri.path(), axum::http::uri::PathAndQuery::as_str)
}

/// Redirects a browser to the sign-in page and back afterwards. Other clients get 401.
fn unauthenticated(request: &Request) -> Response {
    if is_for_scripts(request) {
        let refusal = Refusal::new(
            StatusCode::UNAUTHORIZED,
            "Not signed in",
            "Sign in, or send an API token in the Authorization: Bearer header. A token that you sent may \
             have expired or been revoked.",
        );
        let mut response = refusal.into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        return response;
    }
    Redirect::to(&format!("/login?return_to={}", query_value(requested_path(request)))).into_response()
}
