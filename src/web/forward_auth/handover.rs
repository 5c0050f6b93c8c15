//! Sign-in at an application: from its host to this server, and back with a one-time code.
//!
//! 1. `/login/apps/{app}` at this server checks the address to return to, and sends the browser to
//! 2. `/.vestibule/sign-in` at the application's host, which binds the sign-in to the browser there by a
//!    cookie that also keeps the address, and sends it back to
//! 3. `/login/apps/{app}` with a challenge, where the user signs in unless there is a session. A code leads to
//! 4. `/.vestibule/callback` at the application's host, which redeems it, sets the session cookie and
//!    redirects to the address.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::host::{AtHost, Peer};
use super::pages;
use crate::access::Principal;
use crate::apps::forward_auth::{
    self, Attempts, Handover, NewApplicationSession, Presented, ReturnAddress, issue_code, redeem_code,
};
use crate::apps::{self, Application};
use crate::directory::accounts;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::tokens;
use crate::kernel::urls::{query_value, return_to_of};
use crate::signin::sessions::{self, RequestedBy};
use crate::web::{AppState, Error, guard, login};

fn found(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

fn set_cookie(response: &mut Response, cookie: &str) -> Result<(), Error> {
    let value = HeaderValue::from_str(cookie).map_err(|error| Error::Internal(error.to_string()))?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

/// The last value of a query parameter.
fn value_of(query: &str, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(key, _)| key == name).last().map(|(_, value)| value.into_owned())
}

/// An address outside the application's hosts is an error and never a redirect.
fn foreign_address() -> Error {
    Error::Refused(Refusal::new(
        StatusCode::BAD_REQUEST,
        "Invalid address",
        "The address to return to after sign-in does not belong to this application. Open the application \
         again.",
    ))
}

fn scheme_of(app: &AppState, wanted: &str) -> &'static str {
    if app.kernel.urls.is_https() || wanted == "https" { "https" } else { "http" }
}

/// Steps 1 and 3.
pub(super) async fn at_this_server(
    State(app): State<AppState>,
    Path(id): Path<String>,
    request: RequestContext,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let query = query.unwrap_or_default();
    let application = apps::find(&mut *app.kernel.db.read().await?, &id).await?;
    let application = application.ok_or_else(|| Error::not_found("application"))?;
    let wanted = return_to_of(&query);
    // The address of an application may have a parameter of this name, and may arrive unencoded.
    if wanted.is_none()
        && let Some(challenge) = value_of(&query, "challenge")
    {
        return redirect_with_code(&app, &application, &query, challenge, &headers).await;
    }
    let address = match wanted {
        Some(wanted) => ReturnAddress::parse(&wanted).ok_or_else(foreign_address)?,
        None => ReturnAddress::new(scheme_of(&app, "http"), application.first_host(), "/")
            .ok_or_else(foreign_address)?,
    };
    let is_downgrade = app.kernel.urls.is_https() && address.scheme != "https";
    if is_downgrade || !application.hosts.contains(&address.host) {
        return Err(foreign_address());
    }
    let target = query_value(&address.target);
    Ok(found(&format!("{}/.vestibule/sign-in?return_to={target}", address.origin())))
}

/// Step 2.
pub(super) async fn begin(
    State(app): State<AppState>,
    peer: Peer,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let at = AtHost::find(&app, &peer, &headers).await?;
    let address = match return_to_of(query.as_deref().unwrap_or_default()) {
        None => at.address.clone(),
        Some(wanted) if wanted.starts_with('/') => {
            ReturnAddress::new(at.address.scheme, &at.address.host, &wanted).ok_or_else(foreign_address)?
        }
        Some(wanted) => {
            let parsed = ReturnAddress::parse(&wanted).filter(|other| other.host == at.address.host);
            parsed.ok_or_else(foreign_address)?
        }
    };
    let cookies = at.cookies();
    let mut attempts = cookies.attempts_of(&headers).unwrap_or_else(Attempts::none);
    let attempt = attempts.begin(&address);
    let path = format!(
        "/login/apps/{}?scheme={}&host={}&challenge={}&attempt={attempt}",
        at.application.id,
        at.address.scheme,
        query_value(&at.address.host),
        tokens::hash(&attempts.browser),
    );
    let mut response = found(&app.kernel.urls.absolute(&path));
    set_cookie(&mut response, &cookies.set_attempts(&attempts))?;
    Ok(response)
}

/// Step 3: a code for the session of this browser. Only the session counts here, not a token.
async fn redirect_with_code(
    app: &AppState,
    application: &Application,
    query: &str,
    challenge: String,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let value = |name| value_of(query, name).unwrap_or_default();
    let scheme = scheme_of(app, &value("scheme"));
    let address = ReturnAddress::new(scheme, &value("host"), "/").ok_or_else(foreign_address)?;
    let attempt = value("attempt");
    let is_text = |text: &str| text.len() <= 64 && text.is_ascii();
    if !application.hosts.contains(&address.host) || !is_text(&challenge) || !is_text(&attempt) {
        return Err(foreign_address());
    }
    let here = format!("/login/apps/{}?{query}", application.id);
    let Some(principal) = guard::authenticate_session(app, headers, RequestedBy::Person).await? else {
        let account = accounts::by_id(&mut *app.kernel.db.read().await?, &application.account_id).await?;
        let slug = account.map(|account| account.slug).unwrap_or_default();
        return Ok(found(&format!("/login?account={slug}&return_to={}", query_value(&here))));
    };
    if let Some(page) = guard::page_for_restriction(principal.restriction()) {
        return Ok(found(&format!("{page}?return_to={}", query_value(&here))));
    }
    if principal.account_id != application.account_id {
        let account = accounts::by_id(&mut *app.kernel.db.read().await?, &principal.account_id).await?;
        let slug = account.map(|account| account.slug).unwrap_or_default();
        return Err(other_account(&principal, &slug));
    }
    let session_id = principal.session_id().unwrap_or_default().to_owned();
    let handover = Handover {
        app_id: application.id.clone(),
        host: address.host.clone(),
        browser_hash: challenge,
        attempt,
        session_id,
    };
    let code = issue_code(&app.kernel, handover)?;
    Ok(found(&format!("{}/.vestibule/callback?code={code}", address.origin())))
}

/// `account` is the user's own: users of the same name can exist in several accounts.
fn other_account(principal: &Principal, account: &str) -> Error {
    Error::Refused(Refusal::new(
        StatusCode::FORBIDDEN,
        "You do not have access",
        format!(
            "You are signed in as {} (account {account}). This application belongs to another account of this \
             server. To use it, sign out, and then sign in with a user of that account.",
            principal.name
        ),
    ))
}

/// Step 4.
pub(super) async fn callback(
    State(app): State<AppState>,
    peer: Peer,
    request: RequestContext,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let at = AtHost::find(&app, &peer, &headers).await?;
    let cookies = at.cookies();
    let code = value_of(query.as_deref().unwrap_or_default(), "code").unwrap_or_default();
    let Some(mut attempts) = cookies.attempts_of(&headers) else {
        return pages::sign_in_failed(&app, &at.application);
    };
    let mut tx = app.kernel.db.begin().await?;
    let presented = Presented { host: &at.address.host, browser: &attempts.browser };
    let redeemed = redeem_code(&app.kernel, &mut tx, &code, &at.application.id, &presented).await?;
    // Committed even if the session is gone, so that a code is used once.
    tx.commit().await?;
    let principal = match &redeemed {
        Some(handover) => {
            sessions::authenticate_derived(&app.signin, &handover.session_id, RequestedBy::Person).await?
        }
        None => None,
    };
    let is_member = |principal: &Principal| principal.account_id == at.application.account_id;
    let (Some(handover), Some(principal)) = (redeemed, principal.filter(is_member)) else {
        return pages::sign_in_failed(&app, &at.application);
    };
    let new = NewApplicationSession {
        host: &at.address.host,
        session_id: &handover.session_id,
        presented: cookies.session_of(&headers),
    };
    let mut tx = app.kernel.db.begin().await?;
    let secret = forward_auth::create(&mut tx, &principal.context(&request), &at.application, &new).await?;
    tx.commit().await?;
    let target = attempts.finish(&handover.attempt);
    let address = ReturnAddress::new(at.address.scheme, &at.address.host, &target);
    let mut response = Redirect::to(&address.unwrap_or_else(|| at.address.clone()).url()).into_response();
    set_cookie(&mut response, &cookies.set_session(&secret))?;
    set_cookie(&mut response, &cookies.set_attempts(&attempts))?;
    Ok(response)
}
