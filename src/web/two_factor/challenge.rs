//! The second step of a sign-in: asks for the second factor after the first was verified.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{FactorPrompt, FactorResponseForm, HiddenField, PromptPage, factor_error_text};
use crate::directory::accounts;
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, Flow, NextStep};
use crate::signin::{SignInAttempt, SignInError, factors};
use crate::web::login::confirm_link::LinkSummary;
use crate::web::login::password::find_flow_at_step;
use crate::web::{AppState, Error, login, page};

#[derive(Template)]
#[template(path = "signin/second_factor.html")]
struct ChallengePage {
    name: String,
    /// The identity that is linked with this step.
    link: Option<LinkSummary>,
    form: FactorPrompt,
}

#[derive(Deserialize)]
pub(super) struct ChallengeQuery {
    #[serde(default)]
    flow: String,
    recovery: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ChallengeForm {
    #[serde(default)]
    flow: String,
    #[serde(flatten)]
    factor: FactorResponseForm,
}

fn restart_sign_in() -> Response {
    Redirect::to("/login?notice=expired").into_response()
}

async fn build(
    app: &AppState,
    flow: &Flow,
    recovery: bool,
    error: Option<&'static str>,
) -> Result<Option<ChallengePage>, Error> {
    let Some(user) = flow::pending_user(&app.signin, flow).await? else { return Ok(None) };
    let mut c = app.kernel.db.read().await?;
    let all = factors::of_user(&mut c, &user.id).await?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await?.two_factor;
    drop(c);
    let page = PromptPage {
        action: "/login/second-factor",
        hidden: HiddenField { name: "flow", value: flow.id.clone() },
        recovery,
        error,
    };
    let form = FactorPrompt::build(app, &user.id, &flow.id, &all, page)?;
    let form = FactorPrompt { remember_days: settings.remember_days, ..form };
    let link = login::confirm_link::summary(app, flow).await?;
    Ok(Some(ChallengePage { name: user.user_name, link, form }))
}

/// The flow with this id in this browser, if it waits for a second factor.
async fn find_waiting(
    app: &AppState,
    headers: &HeaderMap,
    id: &str,
) -> Result<Option<(Flow, String)>, sqlx::Error> {
    let steps = [NextStep::SecondFactor, NextStep::LinkBySecondFactor];
    find_flow_at_step(app, headers, id, &steps).await
}

pub(super) async fn show(
    State(app): State<AppState>,
    Query(query): Query<ChallengeQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some((flow, _)) = find_waiting(&app, &headers, &query.flow).await? else {
        return Ok(restart_sign_in());
    };
    match build(&app, &flow, query.recovery.is_some(), None).await? {
        Some(page) => page::render(&page),
        None => Ok(restart_sign_in()),
    }
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<ChallengeForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let Some((flow, secret)) = find_waiting(&app, &headers, &form.flow).await? else {
        return Ok(restart_sign_in());
    };
    let browser = flow::cookies(&app.kernel).binding_of(&headers, &secret);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser };
    let remember = form.factor.remember.is_some();
    match attempt.verify_second_factor(form.factor.response(), remember).await {
        Ok(outcome) => Ok(login::sign_in_response(&app, &outcome)),
        Err(SignInError::FlowEnded) => Ok(restart_sign_in()),
        Err(SignInError::SecondFactor(wrong)) => {
            let recovery = form.factor.is_recovery();
            match build(&app, &flow, recovery, Some(factor_error_text(wrong))).await? {
                Some(page) => page::render_with_status(StatusCode::UNAUTHORIZED, &page),
                None => Ok(restart_sign_in()),
            }
        }
        Err(refused) => Err(login::sign_in_refusal(refused)),
    }
}
