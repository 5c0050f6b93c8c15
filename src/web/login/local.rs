//! Local sign-in: a page with name and password that depends on no identity provider, so that
//! administrators can sign in when single sign-on is broken.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::identify::account_of;
use crate::directory::accounts::Account;
use crate::kernel::http::RequestContext;
use crate::kernel::urls::local_path;
use crate::signin::password::Password;
use crate::signin::{Method, SignInAttempt, flow};
use crate::web::{AppState, Error, page};

#[derive(Template)]
#[template(path = "signin/local.html")]
struct LocalPage {
    account: Option<Account>,
    return_to: String,
    identifier: String,
    error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct LocalQuery {
    account: Option<String>,
    return_to: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct LocalForm {
    identifier: String,
    password: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    return_to: String,
}

pub(super) async fn show(
    State(app): State<AppState>,
    Query(query): Query<LocalQuery>,
) -> Result<Response, Error> {
    let account = account_of(&app, query.account.as_deref()).await?;
    let return_to = local_path(query.return_to.as_deref(), "/console").to_owned();
    page::render(&LocalPage { account, return_to, identifier: String::new(), error: None })
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<LocalForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let account = account_of(&app, Some(&form.account)).await?;
    let return_to = local_path(Some(&form.return_to), "/console").to_owned();
    let names = flow::cookies(&app.kernel);
    let browser = names.browser_secret(&headers);
    let begin = flow::FlowStart {
        account_id: account.as_ref().map(|account| &account.id),
        identifier: form.identifier.trim(),
        return_to: &return_to,
        browser: &browser,
    };
    let flow = flow::begin_without_row(&app.kernel, begin)?;
    let typed = Password::new(&form.password);
    let binding = names.binding_of(&headers, &browser);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser: binding };
    match attempt.sign_in_with_password(&typed, Method::Local).await {
        Ok(outcome) => Ok(super::sign_in_response(&app, &browser, &outcome)),
        Err(refused) => {
            let error = Some(super::password_error_text(refused)?);
            let page = LocalPage { account, return_to, identifier: form.identifier, error };
            page::render_with_status(StatusCode::UNAUTHORIZED, &page)
        }
    }
}
