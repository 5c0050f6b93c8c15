//! "Prove it": the password, or a button to an identity provider.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::{App, Error, page};
use super::doors::Door;
use crate::directory::accounts::{self, Account};
use crate::idp::connections::{self, Connection};
use crate::idp::ldap;
use crate::kernel::http::{RequestContext, cookie};
use crate::signin::Method;
use crate::signin::flow::{self, Flow};
use crate::signin::password::Password;

#[derive(Template)]
#[template(path = "signin/password.html")]
struct PasswordPage {
    account: Option<Account>,
    flow: Flow,
    connections: Vec<Connection>,
    /// Whose password is asked for, when it is not the one that is kept here.
    directory: Option<String>,
    error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct FlowQuery {
    #[serde(default)]
    pub(super) flow: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    flow: String,
    password: String,
}

/// The flow with this id in this browser, and the browser's secret.
pub(in super::super) async fn find(
    app: &App,
    headers: &HeaderMap,
    id: &str,
) -> Result<Option<(Flow, String)>, sqlx::Error> {
    let Some(browser) = cookie(headers, flow::cookies(&app.kernel).flow) else { return Ok(None) };
    let found = flow::find(&app.kernel, id, browser).await?;
    Ok(found.map(|flow| (flow, browser.to_owned())))
}

async fn build(app: &App, flow: Flow, error: Option<&'static str>) -> Result<PasswordPage, Error> {
    let mut c = app.kernel.db.read().await?;
    let (account, mut connections) = match &flow.account_id {
        Some(id) => (accounts::by_id(&mut c, id).await?, connections::doors(&mut c, id).await?),
        None => (None, Vec::new()),
    };
    connections.retain(Connection::has_button);
    drop(c);
    let directory = directory_of(app, &flow).await?.map(|door| door.connection.label());
    Ok(PasswordPage { account, flow, connections, directory, error })
}

/// The directory that checks the password, when it is not the one that is kept here.
async fn directory_of(app: &App, flow: &Flow) -> Result<Option<Arc<Door>>, sqlx::Error> {
    match &flow.account_id {
        Some(account_id) => app.doors.directory(&app.kernel, (account_id, &flow.identifier)).await,
        None => Ok(None),
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Query(query): Query<FlowQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    match find(&app, &headers, &query.flow).await? {
        Some((flow, _)) => page::render(&build(&app, flow, None).await?),
        None => Ok(Redirect::to("/login?notice=expired").into_response()),
    }
}

pub(super) async fn submit(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Result<Response, Error> {
    let Some((flow, browser)) = find(&app, &headers, &form.flow).await? else {
        return Ok(Redirect::to("/login?notice=expired").into_response());
    };
    app.signin.throttle.address(request.address).map_err(super::throttled)?;
    let typed = Password::new(&form.password);
    let place = flow::cookies(&app.kernel).place(&headers, &browser);
    let door = directory_of(&app, &flow).await?;
    // In boxes, here and below: what they remember between their steps is large, and each layer around this would move it.
    let who = (&flow, place);
    let proof = if let Some(about) = door.as_ref().and_then(|door| door.directory()) {
        Box::pin(ldap::prove(&app.idp, &request, who, about, &form.password)).await
    } else {
        Box::pin(flow::prove_password(&app.signin, &request, who, &typed, Method::Password)).await
    };
    match proof {
        Ok(proved) => Ok(super::proved(&app, &browser, &proved)),
        Err(refused) => {
            let error = super::explain(refused)?;
            page::render_again(StatusCode::UNAUTHORIZED, &Box::pin(build(&app, flow, Some(error))).await?)
        }
    }
}
