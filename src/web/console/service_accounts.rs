//! Service accounts and all tokens of the account.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::ConsoleListQuery;
use crate::access::service_accounts::{self, ServiceAccount};
use crate::access::tokens::{self, ApiToken};
use crate::access::{Principal, Role};
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::kernel::http::RequestContext;
use crate::web::page::{self, Shell, non_empty};
use crate::web::{AppState, Error, admin};

#[derive(Template)]
#[template(path = "console/service_accounts.html")]
struct ServiceAccountsPage {
    shell: Shell,
    accounts: Vec<ServiceAccount>,
    tokens: Vec<ApiToken>,
    secret: Option<String>,
    error: Option<String>,
}

async fn render(
    app: &AppState,
    principal: &Principal,
    notice: Option<&str>,
    secret: Option<String>,
    error: Option<String>,
) -> Result<Response, Error> {
    let shell = Shell::build(app, principal, "service-accounts", notice).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut c = app.kernel.db.read().await?;
    let accounts = service_accounts::list(&mut c, &principal.account_id, "", 200).await?;
    let mut tokens = tokens::list(&mut c, &principal.account_id, None, "", 500).await?;
    let now = app.kernel.clock.now();
    tokens.retain(|token| token.status(now) == "active");
    page::render_with_status(status, &ServiceAccountsPage { shell, accounts, tokens, secret, error })
}

pub(super) async fn list(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    render(&app, &principal, query.notice.as_deref(), None, None).await
}

#[derive(Debug, Deserialize)]
pub(super) struct ServiceAccountForm {
    name: String,
    #[serde(default)]
    role: String,
}

async fn redirect_or_rerender(
    app: &AppState,
    principal: &Principal,
    done: Result<&str, Error>,
) -> Result<Response, Error> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/console/service-accounts?notice={notice}")).into_response()),
        Err(error) => render(app, principal, None, None, Some(error.for_form()?)).await,
    }
}

pub(super) async fn create(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ServiceAccountForm>,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let role = Role::parse(&form.role);
        service_accounts::create(&mut tx, &principal.context(&request), &form.name, role, None).await?;
        tx.commit().await?;
        Ok("service_account_created")
    };
    let done = done.await;
    redirect_or_rerender(&app, &principal, done).await
}

#[derive(Debug, Deserialize)]
pub(super) struct ServiceAccountTokenForm {
    service_account: String,
    name: String,
    #[serde(default)]
    expires_on: String,
}

pub(super) async fn create_token(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ServiceAccountTokenForm>,
) -> Result<Response, Error> {
    let done = async {
        let expires_at = admin::read_expiry_date(&form.expires_on)?;
        let mut tx = app.kernel.db.begin().await?;
        let what = (form.name.as_str(), Some(form.service_account.as_str()));
        let (_, secret) = admin::make_token(&app, &mut tx, &principal, &request, what, expires_at).await?;
        tx.commit().await?;
        Ok::<_, Error>(secret)
    };
    match done.await {
        Ok(secret) => render(&app, &principal, None, Some(secret), None).await,
        Err(error) => redirect_or_rerender(&app, &principal, Err(error)).await,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ServiceAccountsIdForm {
    id: String,
}

pub(super) async fn revoke_token(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ServiceAccountsIdForm>,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    admin::revoke_token(&mut tx, &principal, &request, &form.id).await?;
    tx.commit().await?;
    redirect_or_rerender(&app, &principal, Ok("token_revoked")).await
}

pub(super) async fn delete(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ServiceAccountsIdForm>,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let found = service_accounts::by_id(&mut tx, &principal.account_id, &form.id).await?;
        let found = found.ok_or_else(|| Error::not_found("service account"))?;
        service_accounts::delete(&mut tx, &principal.context(&request), &found).await?;
        tx.commit().await?;
        Ok("service_account_deleted")
    };
    let done = done.await;
    redirect_or_rerender(&app, &principal, done).await
}

impl ServiceAccountsPage {
    fn owner(&self, token: &ApiToken) -> &str {
        let found = self.accounts.iter().find(|account| account.id == token.owner_id);
        found.map_or("a person", |account| account.name.as_str())
    }

    fn unmanaged(&self) -> Vec<&ServiceAccount> {
        self.accounts.iter().filter(|account| account.connection_id.is_none()).collect()
    }

    fn expiry(token: &ApiToken) -> String {
        non_empty(&token.expires_at.map(Timestamp::display_minute).unwrap_or_default())
            .unwrap_or_else(|| "never".into())
    }
}
