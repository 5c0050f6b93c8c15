//! Sign-in with a passkey alone, in place of name, password and second factor.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;

use super::webauthn_available;
use crate::directory::accounts::Account;
use crate::idp::connections;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::signin::factors::{self, FactorCheckError};
use crate::signin::flow::{self, Flow};
use crate::signin::{SignInAttempt, SignInError};
use crate::web::{AppState, Error, login};

/// Whether the sign-in page of this account offers a passkey. Without an account it does, because the
/// passkey identifies its account when it is used.
pub(crate) fn is_offered(app: &AppState, account: Option<&Account>) -> Result<bool, Error> {
    let allowed = match account {
        Some(account) => account.settings()?.two_factor.passkey_sign_in,
        None => true,
    };
    Ok(webauthn_available(app) && allowed)
}

fn passkey_refused(detail: impl Into<String>) -> Error {
    Error::Refused(Refusal::new(StatusCode::UNAUTHORIZED, "Passkey sign-in failed", detail))
}

/// A challenge for this browser, as JSON for the page's script.
pub(super) async fn start(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let names = flow::cookies(&app.kernel);
    let secret = names.browser_secret(&headers);
    let challenge = factors::start_passkey(&app.kernel, &secret)?;
    let challenge = challenge.ok_or_else(|| {
        passkey_refused("Passkeys require a host name, but this server is accessed by IP address.")
    })?;
    let body = json!({"options": challenge.options, "ticket": challenge.ticket});
    Ok(([(header::SET_COOKIE, names.set_flow(&secret))], Json(body)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PasskeyForm {
    ticket: String,
    answer: String,
    return_to: String,
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<PasskeyForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let unknown = || {
        passkey_refused(
            "The passkey is not registered, or the sign-in timed out. Go back and try again, or sign in with \
             your username.",
        )
    };
    let secret = flow::cookies(&app.kernel).browser_secret(&headers);
    let passkey = match factors::verify_passkey(&app.signin, &secret, &form.ticket, &form.answer).await {
        Ok(passkey) => passkey,
        Err(FactorCheckError::Rejected(_)) => return Err(unknown()),
        Err(FactorCheckError::Database(error)) => return Err(error.into()),
        Err(FactorCheckError::Vault(error)) => return Err(error.into()),
    };
    // For users whose company manages their sign-in, a passkey alone could outlive the access that the
    // company grants.
    let mut c = app.kernel.db.read().await?;
    let now = app.kernel.clock.now();
    if let Some(domain) = passkey.user.domain()
        && let Some(provider) =
            connections::route_by_domain(&mut c, &passkey.user.account_id, &domain, now).await?
    {
        let detail = format!(
            "Users of the domain {domain} sign in through {}. Enter your email address on the sign-in page. \
             You can use the passkey for two-factor authentication.",
            provider.name
        );
        return Err(passkey_refused(detail));
    }
    drop(c);
    let return_to = local_path(Some(&form.return_to), "/");
    let browser = flow::cookies(&app.kernel).binding_of(&headers, &secret);
    let flow = Flow::transient(&passkey.user, return_to);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser };
    match attempt.sign_in_with_passkey(&passkey).await {
        Ok(outcome) => Ok(login::sign_in_response(&app, &outcome)),
        Err(SignInError::SecondFactor(_)) => Err(unknown()),
        Err(SignInError::FlowEnded) => Ok(Redirect::to("/login?notice=expired").into_response()),
        Err(refused) => Err(login::sign_in_refusal(refused)),
    }
}
