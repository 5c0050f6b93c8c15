//! Where the provider tells us of logouts (`OpenID` Connect Back-Channel Logout 1.0).

use std::time::Duration;

use axum::Form;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::super::super::Idp;
use super::super::super::connections::{Connection, OidcSettings};
use super::super::super::http::{broken, record_refusal, throttled};
use super::super::super::replays;
use super::super::answer::judge_with_keys;
use super::super::check::{Check, Failed, Report};
use super::super::judge::{Claims, judge_logout_token, text};
use super::find;
use crate::audit::{Action, Context};
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::{Method, sessions};

/// How long a token that was used is remembered: longer than any is valid.
const REMEMBERED: Duration = Duration::from_hours(25);

#[derive(Deserialize)]
pub(super) struct LogoutForm {
    logout_token: String,
}

pub(super) async fn receive(
    State(idp): State<Idp>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<LogoutForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let signin = &idp.signin;
    signin.throttle.address(request.address).map_err(throttled)?;
    // Sessions go on when a connection is switched off, so they can be ended as well.
    let (connection, settings) = find(signin, &id, false).await?;
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    let Ok(Form(form)) = form else { return Ok((no_store, bad_request()).into_response()) };
    let judged = judge(&idp, &settings, &form.logout_token).await;
    let done = match judged {
        Ok((claims, report)) => end(&idp, &request, &connection, (&claims, &report)).await.map_err(broken)?,
        Err(failed) => Err(failed),
    };
    Ok(match done {
        Ok(()) => (no_store, StatusCode::OK).into_response(),
        Err(failed) => {
            let about = (&connection, Action::SignOut, Method::Oidc);
            record_refusal(signin, &request, about, &failed).await.map_err(broken)?;
            (no_store, bad_request()).into_response()
        }
    })
}

fn bad_request() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_request"}))).into_response()
}

async fn judge(idp: &Idp, settings: &OidcSettings, token: &str) -> Result<(Claims, Report), Failed> {
    let kernel = &idp.signin.kernel;
    let mut report = Report::default();
    let known = idp.oidc.known(kernel, settings).await;
    let known = known.map_err(|error| report.fail(Check::Discovery, "a provider that answers", error))?;
    let with = (kernel, &*idp.oidc);
    let judged = judge_with_keys(with, settings, (known, &mut report), |report, expected| {
        judge_logout_token(report, token, expected)
    });
    let (claims, _) = judged.await?;
    Ok((claims, report))
}

/// Ends the sessions that are named.
async fn end(
    idp: &Idp,
    request: &RequestContext,
    connection: &Connection,
    (claims, report): (&Claims, &Report),
) -> Result<Result<(), Failed>, sqlx::Error> {
    let mut tx = idp.signin.kernel.db.begin().await?;
    let until = tx.now().plus(REMEMBERED);
    let token_id = text(claims, "jti").unwrap_or_default();
    if !replays::remember(&mut tx, &connection.id, token_id, until).await? {
        return Ok(Err(report.fail(Check::Replay, "a token not used before", token_id)));
    }
    let context = Context::of(&connection.account_id, connection.actor(), request);
    let named: Vec<String> = text(claims, "sid").map(str::to_owned).into_iter().collect();
    sessions::end_at_provider(&mut tx, &context, (&connection.id, text(claims, "sub")), &named).await?;
    tx.commit().await?;
    Ok(Ok(()))
}
