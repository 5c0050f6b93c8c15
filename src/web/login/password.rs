//! The password page of a sign-in flow, with buttons for the account's identity providers.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::directory::accounts::{self, Account};
use crate::directory::domain_of;
use crate::idp::connections::{self, Connection, LdapConnection};
use crate::idp::ldap;
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, Flow, NextStep};
use crate::signin::password::Password;
use crate::signin::{Method, SignInAttempt};
use crate::web::{AppState, Error, page};

#[derive(Template)]
#[template(path = "signin/password.html")]
struct LoginPasswordPage {
    account: Option<Account>,
    flow: Flow,
    connections: Vec<Connection>,
    /// The name of the directory that checks the password, if it is not checked locally.
    directory: Option<String>,
    error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct FlowQuery {
    #[serde(default)]
    pub(super) flow: String,
}

#[derive(Deserialize)]
pub(super) struct LoginPasswordForm {
    flow: String,
    password: String,
}

/// The flow with this id in this browser, and the secret that it is bound to.
pub(crate) async fn find_flow(
    app: &AppState,
    headers: &HeaderMap,
    id: &str,
) -> Result<Option<(Flow, String)>, sqlx::Error> {
    for secret in flow::cookies(&app.kernel).flow_secrets(headers) {
        if let Some(flow) = flow::find(&app.kernel, id, secret).await? {
            return Ok(Some((flow, secret.to_owned())));
        }
    }
    Ok(None)
}

/// The flow with this id in this browser, if it waits for one of `steps`, and the secret that it is bound to.
pub(crate) async fn find_flow_at_step(
    app: &AppState,
    headers: &HeaderMap,
    id: &str,
    steps: &[NextStep],
) -> Result<Option<(Flow, String)>, sqlx::Error> {
    let found = find_flow(app, headers, id).await?;
    Ok(found.filter(|(flow, _)| flow.pending_step().is_some_and(|step| steps.contains(&step))))
}

async fn build(app: &AppState, flow: Flow, error: Option<&'static str>) -> Result<LoginPasswordPage, Error> {
    let mut c = app.kernel.db.read().await?;
    let (account, connections) = match &flow.account_id {
        Some(id) => (accounts::by_id(&mut c, id).await?, connections::sign_in_connections(&mut c, id).await?),
        None => (None, Vec::new()),
    };
    drop(c);
    let connections = match &account {
        Some(account) => offered_connections(account, connections, &flow.identifier)?,
        None => Vec::new(),
    };
    let directory = directory_of(app, &flow).await?.map(|directory| directory.label());
    Ok(LoginPasswordPage { account, flow, connections, directory, error })
}

/// The connections that have a button for the user who entered this: all but those that the sign-in rules forbid for
/// every address in its domain. What was entered as a username does not tell the domain, so nothing is left out.
fn offered_connections(
    account: &Account,
    mut connections: Vec<Connection>,
    identifier: &str,
) -> Result<Vec<Connection>, Error> {
    let settings = account.settings()?;
    let domain = domain_of(identifier);
    let is_permitted =
        |id: &str| domain.as_ref().is_none_or(|domain| settings.may_permit_connection(domain, id));
    connections.retain(|connection| connection.has_button() && is_permitted(&connection.id));
    Ok(connections)
}

/// The directory that checks the password, if it is not checked locally.
async fn directory_of(app: &AppState, flow: &Flow) -> Result<Option<LdapConnection>, Error> {
    match &flow.account_id {
        Some(account_id) => app.idp_discovery.directory_for(&app.kernel, account_id, &flow.identifier).await,
        None => Ok(None),
    }
}

pub(super) async fn show(
    State(app): State<AppState>,
    Query(query): Query<FlowQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    match find_flow(&app, &headers, &query.flow).await? {
        Some((flow, _)) => page::render(&build(&app, flow, None).await?),
        None => Ok(Redirect::to("/login?notice=expired").into_response()),
    }
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<LoginPasswordForm>,
) -> Result<Response, Error> {
    let Some((flow, browser)) = find_flow(&app, &headers, &form.flow).await? else {
        return Ok(Redirect::to("/login?notice=expired").into_response());
    };
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let typed = Password::new(&form.password);
    let binding = flow::cookies(&app.kernel).binding_of(&headers, &browser);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser: binding };
    let directory = directory_of(&app, &flow).await?;
    // The futures are boxed, here and below: their state is large, and each layer around them would move it.
    let outcome = if let Some(directory) = &directory {
        Box::pin(ldap::sign_in(&app.idp, &attempt, directory, &form.password)).await
    } else {
        Box::pin(attempt.sign_in_with_password(&typed, Method::Password)).await
    };
    match outcome {
        Ok(outcome) => Ok(super::sign_in_response(&app, &outcome)),
        Err(refused) => {
            let error = super::password_error_text(refused)?;
            page::render_with_status(
                StatusCode::UNAUTHORIZED,
                &Box::pin(build(&app, flow, Some(error))).await?,
            )
        }
    }
}
