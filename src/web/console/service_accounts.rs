//! Service accounts, and all active tokens of the account.

use askama::Template;
use axum::Form;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::ConsoleListQuery;
use crate::access::Role;
use crate::access::service_accounts::{self, ServiceAccount};
use crate::access::tokens::{self, ApiToken};
use crate::admin;
use crate::apps::{self, Application};
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::web::page::{self, Shell, non_empty};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/service_accounts.html")]
struct ServiceAccountsPage {
    shell: Shell,
    accounts: Vec<ServiceAccount>,
    tokens: Vec<ApiToken>,
    /// The applications that accept tokens.
    apps: Vec<Application>,
    secret: Option<String>,
    error: Option<String>,
}

pub(super) async fn render(
    request: &AuthenticatedRequest,
    notice: Option<&str>,
    secret: Option<String>,
    error: Option<String>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "service-accounts", notice).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut c = request.app.kernel.db.read().await?;
    let accounts = service_accounts::list(&mut c, &request.principal.account_id, "", 200).await?;
    let mut tokens = tokens::list(&mut c, &request.principal.account_id, None, "", 500).await?;
    let now = request.app.kernel.clock.now();
    tokens.retain(|token| token.status(now) == "active");
    let mut apps = apps::list(&mut c, &request.principal.account_id, "", 500).await?;
    apps.retain(|app| app.allow_tokens);
    page::render_with_status(status, &ServiceAccountsPage { shell, accounts, tokens, apps, secret, error })
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    render(&request, query.notice.as_deref(), None, None).await
}

#[derive(Debug, Deserialize)]
pub(super) struct ServiceAccountForm {
    name: String,
    #[serde(default)]
    role: String,
}

pub(super) async fn redirect_or_rerender(
    request: &AuthenticatedRequest,
    done: Result<&str, impl Into<Error>>,
) -> Result<Response, Error> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/console/service-accounts?notice={notice}")).into_response()),
        Err(error) => render(request, None, None, Some(error.into().for_form()?)).await,
    }
}

pub(super) async fn create(
    request: AuthenticatedRequest,
    Form(form): Form<ServiceAccountForm>,
) -> Result<Response, Error> {
    let role = Role::parse(&form.role);
    let done = admin::service_accounts::create(&request.admin(), &form.name, role).await;
    let done = done.map(|_| "service_account_created");
    redirect_or_rerender(&request, done).await
}

#[derive(Debug, Deserialize)]
pub(super) struct ServiceAccountsIdForm {
    pub(super) id: String,
}

pub(super) async fn delete(
    request: AuthenticatedRequest,
    Form(form): Form<ServiceAccountsIdForm>,
) -> Result<Response, Error> {
    let done = admin::service_accounts::delete(&request.admin(), &form.id).await;
    let done = done.map(|()| "service_account_deleted");
    redirect_or_rerender(&request, done).await
}

impl ServiceAccountsPage {
    fn owner(&self, token: &ApiToken) -> &str {
        let found = self.accounts.iter().find(|account| account.id == token.owner_id);
        found.map_or("a user", |account| account.name.as_str())
    }

    fn unmanaged(&self) -> Vec<&ServiceAccount> {
        self.accounts.iter().filter(|account| account.connection_id.is_none()).collect()
    }

    fn expiry(token: &ApiToken) -> String {
        non_empty(&token.expires_at.map(Timestamp::display_minute).unwrap_or_default())
            .unwrap_or_else(|| "never".into())
    }
}
