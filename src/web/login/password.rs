//! "Prove it": the password, or a button to an identity provider.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::{App, Error, page};
use crate::directory::accounts::{self, Account};
use crate::idp::connections::{self, Connection, LdapSettings};
use crate::idp::ldap;
use crate::kernel;
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
    let directory = directory_of(&mut c, &flow).await?.map(|(connection, _)| connection.label());
    Ok(PasswordPage { account, flow, connections, directory, error })
}

async fn directory_of(
    c: &mut kernel::database::Connection,
    flow: &Flow,
) -> Result<Option<(Connection, LdapSettings)>, sqlx::Error> {
    match &flow.account_id {
        Some(account_id) => ldap::door_for(c, account_id, &flow.identifier).await,
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
    let directory = directory_of(&mut *app.kernel.db.read().await?, &flow).await?;
    let proof = match &directory {
        Some((connection, settings)) => {
            let about = (connection, settings);
            ldap::prove(&app.idp, &request, (&flow, place), about, &form.password).await
        }
        None => flow::prove_password(&app.signin, &request, (&flow, place), &typed, Method::Password).await,
    };
    match proof {
        Ok(proved) => Ok(super::proved(&app, &browser, &proved)),
        Err(refused) => {
            let error = super::explain(refused)?;
            page::render_again(StatusCode::UNAUTHORIZED, &build(&app, flow, Some(error)).await?)
        }
    }
}
