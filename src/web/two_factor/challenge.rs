//! "And the second factor": between the first and the session.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::{App, Error, login, page};
use super::{FactorForm, Typed, explain, waiting};
use crate::directory::accounts;
use crate::kernel::http::RequestContext;
use crate::signin::factors;
use crate::signin::flow::{self, Demand, Flow, Refused};

#[derive(Template)]
#[template(path = "signin/second_factor.html")]
struct ChallengePage {
    name: String,
    form: FactorForm,
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
    typed: Typed,
}

fn again() -> Response {
    Redirect::to("/login?notice=expired").into_response()
}

async fn build(
    app: &App,
    flow: &Flow,
    recovery: bool,
    error: Option<&'static str>,
) -> Result<Option<ChallengePage>, Error> {
    let Some(user) = flow::waiting_user(&app.signin, flow).await? else { return Ok(None) };
    let mut c = app.kernel.db.read().await?;
    let all = factors::of_user(&mut c, &user.id).await?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await?.two_factor;
    drop(c);
    let hidden = ("flow", flow.id.clone());
    let at = ("/login/second-factor", hidden);
    let form = FactorForm::new(app, (&user.id, &flow.id), &all, at, (recovery, error))?;
    let form = FactorForm { remember_days: settings.remember_days, ..form };
    Ok(Some(ChallengePage { name: user.user_name, form }))
}

pub(super) async fn show(
    State(app): State<App>,
    Query(query): Query<ChallengeQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some((flow, _)) = waiting(&app, &headers, &query.flow, Demand::SecondFactor).await? else {
        return Ok(again());
    };
    match build(&app, &flow, query.recovery.is_some(), None).await? {
        Some(page) => page::render(&page),
        None => Ok(again()),
    }
}

pub(super) async fn submit(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<ChallengeForm>,
) -> Result<Response, Error> {
    app.signin.throttle.address(request.address).map_err(login::throttled)?;
    let Some((flow, secret)) = waiting(&app, &headers, &form.flow, Demand::SecondFactor).await? else {
        return Ok(again());
    };
    let shown = (form.typed.shown(), form.typed.remember.is_some());
    let place = (&flow, flow::cookies(&app.kernel).place(&headers, &secret));
    match flow::show_second_factor(&app.signin, &request, place, shown).await {
        Ok(proved) => Ok(login::proved(&app, &secret, &proved)),
        Err(Refused::FlowEnded) => Ok(again()),
        Err(Refused::SecondFactor(wrong)) => {
            let recovery = form.typed.is_recovery();
            match build(&app, &flow, recovery, Some(explain(wrong))).await? {
                Some(page) => page::render_again(StatusCode::UNAUTHORIZED, &page),
                None => Ok(again()),
            }
        }
        Err(refused) => Err(login::explain_proof(refused)),
    }
}
