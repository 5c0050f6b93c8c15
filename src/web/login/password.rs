//! "Prove it": the password, or a button to an identity provider.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::{App, Error, page};
use crate::directory::accounts::{self, Account};
use crate::idp::connections::{self, Connection};
use crate::kernel::http::{RequestContext, cookie};
use crate::kernel::tokens;
use crate::signin::Method;
use crate::signin::flow::{self, Flow};

#[derive(Template)]
#[template(path = "signin/password.html")]
struct PasswordPage {
    account: Option<Account>,
    flow: Flow,
    connections: Vec<Connection>,
    error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct FlowQuery {
    #[serde(default)]
    flow: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    flow: String,
    password: String,
}

async fn find(app: &App, headers: &HeaderMap, id: &str) -> Result<Option<Flow>, sqlx::Error> {
    let Some(browser) = cookie(headers, flow::cookies(&app.kernel).flow) else { return Ok(None) };
    let mut c = app.kernel.db.read().await?;
    flow::of_browser(&mut c, id, &tokens::hash(browser), app.kernel.clock.now()).await
}

async fn build(app: &App, flow: Flow, error: Option<&'static str>) -> Result<PasswordPage, Error> {
    let mut c = app.kernel.db.read().await?;
    let (account, connections) = match &flow.account_id {
        Some(id) => (accounts::by_id(&mut c, id).await?, connections::enabled_saml(&mut c, id).await?),
        None => (None, Vec::new()),
    };
    Ok(PasswordPage { account, flow, connections, error })
}

pub(super) async fn show(
    State(app): State<App>,
    Query(query): Query<FlowQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    match find(&app, &headers, &query.flow).await? {
        Some(flow) => page::render(&build(&app, flow, None).await?),
        None => Ok(Redirect::to("/login?notice=expired").into_response()),
    }
}

pub(super) async fn submit(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Error> {
    let Some(flow) = find(&app, &headers, &form.flow).await? else {
        return Ok(Redirect::to("/login?notice=expired").into_response());
    };
    app.signin.throttle.attempt(request.address, &flow.identifier).map_err(super::throttled)?;
    match flow::prove_password(&app.signin, &request, &flow, &form.password, Method::Password).await {
        Ok(entered) => Ok(super::enter(&app, &entered)),
        Err(refused) => {
            let error = super::explain(refused)?;
            page::render_again(StatusCode::UNAUTHORIZED, &build(&app, flow, Some(error)).await?)
        }
    }
}
