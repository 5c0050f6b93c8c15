//! Local sign-in: a page with name and password that depends on no identity provider, so that
//! administrators can sign in when single sign-on is broken.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::identify::{AccountChoice, account_of, choose_account};
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
    /// What was typed as the account, when the page asks for it.
    asked_account: Option<String>,
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
    page::render(&LocalPage {
        account,
        return_to,
        identifier: String::new(),
        error: None,
        asked_account: None,
    })
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<LocalForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let return_to = local_path(Some(&form.return_to), "/console").to_owned();
    let account = match choose_account(&app, &form.account, form.identifier.trim()).await? {
        AccountChoice::Chosen(account) => account,
        AccountChoice::Needed(error) => {
            let (identifier, asked_account) = (form.identifier, Some(form.account.trim().to_owned()));
            let page = LocalPage { account: None, return_to, identifier, error, asked_account };
            return page::render_with_status(AccountChoice::status(error), &page);
        }
    };
    let names = flow::cookies(&app.kernel);
    let browser = names.browser_secret(&headers);
    let begin = flow::FlowStart {
        account_id: Some(&account.id),
        identifier: form.identifier.trim(),
        return_to: &return_to,
        browser: &browser,
    };
    let flow = flow::begin_without_row(&app.kernel, begin)?;
    let typed = Password::new(&form.password);
    let binding = names.binding_of(&headers, &browser);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser: binding };
    match attempt.sign_in_with_password(&typed, Method::Local).await {
        Ok(outcome) => Ok(super::sign_in_response(&app, &outcome)),
        Err(refused) => {
            let error = Some(super::password_error_text(refused)?);
            let (account, identifier) = (Some(account), form.identifier);
            let page = LocalPage { account, return_to, identifier, error, asked_account: None };
            page::render_with_status(StatusCode::UNAUTHORIZED, &page)
        }
    }
}
