//! Choosing a new password in the sign-in flow, after the old one was correct but has expired.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::password::{FlowQuery, find_flow};
use crate::directory::accounts::{self, PasswordSettings};
use crate::kernel::http::RequestContext;
use crate::signin::SignInAttempt;
use crate::signin::flow::{self, BrowserBinding, Flow, NewPasswordError, NextStep};
use crate::signin::password::{self, Password, PolicyRule};
use crate::web::{AppState, Error, page};

#[derive(Template)]
#[template(path = "signin/new_password.html")]
struct NewPasswordPage {
    flow: Flow,
    rules: Vec<PolicyRule>,
    check: String,
    error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct NewPasswordForm {
    flow: String,
    password: String,
}

async fn build(app: &AppState, flow: Flow, error: Option<String>) -> Result<NewPasswordPage, Error> {
    let account_id = flow.proof().map(|proof| proof.account_id).unwrap_or_default();
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &account_id).await?.password;
    let settings = PasswordSettings { history: settings.history.max(1), ..settings };
    let check = format!("flow={}", flow.id);
    Ok(NewPasswordPage { rules: password::rules(&settings), check, flow, error })
}

async fn find_flow_for_new_password(
    app: &AppState,
    headers: &HeaderMap,
    id: &str,
) -> Result<Option<(Flow, String)>, sqlx::Error> {
    let found = find_flow(app, headers, id).await?;
    Ok(found.filter(|(flow, _)| flow.pending_step() == Some(NextStep::NewPassword)))
}

pub(super) async fn show(
    State(app): State<AppState>,
    Query(query): Query<FlowQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    match find_flow_for_new_password(&app, &headers, &query.flow).await? {
        Some((flow, _)) => page::render(&build(&app, flow, None).await?),
        None => Ok(Redirect::to("/login?notice=expired").into_response()),
    }
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<NewPasswordForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let Some((flow, secret)) = find_flow_for_new_password(&app, &headers, &form.flow).await? else {
        return Ok(Redirect::to("/login?notice=expired").into_response());
    };
    let typed = Password::new(&form.password);
    let browser = flow::cookies(&app.kernel).binding_of(&headers, &secret);
    let browser = BrowserBinding { device_secret: None, ..browser };
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser };
    match attempt.replace_expired_password(&typed).await {
        Ok(outcome) => Ok(super::sign_in_response(&app, &outcome)),
        Err(NewPasswordError::SignIn(refused)) => Err(super::sign_in_refusal(refused)),
        Err(NewPasswordError::Prepare(error)) => {
            let error = Error::from(error).for_form()?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &build(&app, flow, Some(error)).await?)
        }
    }
}
