//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0).

use std::time::Duration;

use axum::Form;
use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::find_oidc_connection;
use crate::audit::{Action, Context};
use crate::idp::Idp;
use crate::idp::connections::OidcConnection;
use crate::idp::error::MessageError;
use crate::idp::http::{internal_error, record_refusal, too_many_requests};
use crate::idp::oidc::callback::validate_with_key_refresh;
use crate::idp::oidc::check::OidcCheck;
use crate::idp::oidc::token_validation::{Claims, text_claim, validate_logout_token};
use crate::idp::replay_cache;
use crate::idp::report::{CheckFailed, CheckReport};
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::{Method, sessions};

/// How long a token id is remembered. Logout tokens should be valid for minutes, but nothing here limits
/// their `exp`.
const REPLAY_WINDOW: Duration = Duration::from_hours(25);

#[derive(Deserialize)]
pub(super) struct BackchannelLogoutForm {
    logout_token: String,
}

pub(super) async fn receive(
    State(idp): State<Idp>,
    Path(id): Path<String>,
    request: RequestContext,
    form: Result<Form<BackchannelLogoutForm>, FormRejection>,
) -> Result<Response, Refusal> {
    let signin = &idp.signin;
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    // Sessions outlive the switching off of a connection, so logouts are accepted for it as well.
    let connection = find_oidc_connection(signin, &id, false).await?;
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    let Ok(Form(form)) = form else { return Ok((no_store, bad_request()).into_response()) };
    match end_sessions(&idp, &request, &connection, &form.logout_token).await {
        Ok(()) => Ok((no_store, StatusCode::OK).into_response()),
        Err(MessageError::Failed(error)) => Err(internal_error(error)),
        Err(MessageError::Refused(failed)) => {
            record_refusal(signin, &request, &connection, Action::SignOut, Method::Oidc, &failed)
                .await
                .map_err(internal_error)?;
            Ok((no_store, bad_request()).into_response())
        }
    }
}

fn bad_request() -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_request"}))).into_response()
}

async fn validate_logout(
    idp: &Idp,
    connection: &OidcConnection,
    token: &str,
) -> Result<(Claims, CheckReport<OidcCheck>), CheckFailed<OidcCheck>> {
    let kernel = &idp.signin.kernel;
    let mut report = CheckReport::<OidcCheck>::default();
    let provider = idp.oidc.discover(kernel, connection).await;
    let provider = provider
        .map_err(|error| report.fail(OidcCheck::Discovery, "a provider with a valid configuration", error))?;

    let judged = validate_with_key_refresh(
        kernel,
        &idp.oidc,
        connection,
        provider,
        &mut report,
        |report, expected| validate_logout_token(report, token, expected),
    );
    let (claims, _) = judged.await?;
    Ok((claims, report))
}

/// Ends the sessions that a logout token names.
async fn end_sessions(
    idp: &Idp,
    request: &RequestContext,
    connection: &OidcConnection,
    token: &str,
) -> Result<(), MessageError<OidcCheck>> {
    let (claims, report) = validate_logout(idp, connection, token).await?;
    let mut tx = idp.signin.kernel.db.begin().await?;
    let until = tx.now().plus(REPLAY_WINDOW);
    let token_id = text_claim(&claims, "jti").unwrap_or_default();
    if !replay_cache::insert(&mut tx, &connection.id, token_id, until).await? {
        return Err(report.fail(OidcCheck::Replay, "a token that has not been used before", token_id).into());
    }
    let context = Context::of(&connection.account_id, connection.actor(), request);
    let named: Vec<String> = text_claim(&claims, "sid").map(str::to_owned).into_iter().collect();
    let subject = text_claim(&claims, "sub");
    sessions::revoke_by_provider(&mut tx, &context, &connection.id, subject, &named).await?;
    Ok(tx.commit().await?)
}
