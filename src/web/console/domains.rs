//! The pages of email domains: what each counts for, the record that verifies it, and which connections may speak for
//! it.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::ConsoleListQuery;
use crate::admin;
use crate::admin::domains::{DomainFields, NewDomainFields, VerificationFields};
use crate::directory::accounts;
use crate::directory::domains::{self, Domain, DomainState, VerificationMethod};
use crate::idp::connections::{self, Connection};
use crate::kernel::{ConnectionId, Timestamp};
use crate::web::page::{self, Shell};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/domains.html")]
struct DomainsPage {
    shell: Shell,
    domains: Vec<Domain>,
    now: Timestamp,
    next: Option<String>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/domain.html")]
struct DomainPage {
    shell: Shell,
    domain: Domain,
    now: Timestamp,
    /// All connections of the account.
    connections: Vec<Connection>,
    /// Those that may speak for the domain.
    named: Vec<ConnectionId>,
    /// Whether the account can verify domains by its administrator's word.
    is_first: bool,
    error: Option<String>,
}

impl DomainsPage {
    /// The end of the time in which a domain counts without a proof.
    fn grace(&self, domain: &Domain) -> Option<Timestamp> {
        domain.in_grace_until(self.now)
    }
}

impl DomainPage {
    /// The end of the time in which the domain counts without a proof.
    fn grace(&self) -> Option<Timestamp> {
        self.domain.in_grace_until(self.now)
    }

    fn is_named(&self, connection: &Connection) -> bool {
        self.named.contains(&connection.id)
    }

    fn is_by_operator(&self) -> bool {
        self.domain.method() == Some(VerificationMethod::Operator)
    }
}

/// Rows on one page of the list.
const PAGE_SIZE: i64 = 100;

async fn render_list(
    request: &AuthenticatedRequest,
    query: ConsoleListQuery,
    error: Option<String>,
) -> Result<Response, Error> {
    let app = &request.app;
    let shell = Shell::build(app, &request.principal, "domains", query.notice.as_deref()).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut c = app.kernel.db.read().await?;
    let rows = domains::list(&mut c, &request.principal.account_id, &query.after, PAGE_SIZE + 1).await?;
    let page = admin::ListPage::of(rows, PAGE_SIZE, |domain| &domain.id);
    let (domains, next, now) = (page.items, page.next, app.kernel.clock.now());
    page::render_with_status(status, &DomainsPage { shell, domains, now, next, error })
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    render_list(&request, query, None).await
}

#[derive(Deserialize)]
pub(super) struct NewDomainForm {
    domain: String,
}

pub(super) async fn create(
    request: AuthenticatedRequest,
    Form(form): Form<NewDomainForm>,
) -> Result<Response, Error> {
    let fields = NewDomainFields { domain: form.domain, ..NewDomainFields::default() };
    match admin::domains::create(&request.admin(), fields).await {
        Ok(domain) => {
            Ok(Redirect::to(&format!("/console/domains/{}?notice=domain_added", domain.id)).into_response())
        }
        Err(error) => render_list(&request, ConsoleListQuery::default(), Some(error.for_form()?)).await,
    }
}

async fn render(
    request: &AuthenticatedRequest,
    id: &str,
    notice: Option<&str>,
    error: Option<String>,
) -> Result<Response, Error> {
    let app = &request.app;
    let shell = Shell::build(app, &request.principal, "domains", notice).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let account_id = &request.principal.account_id;
    let mut c = app.kernel.db.read().await?;
    let domain = request.principal.find_domain(&mut c, id).await?;
    let page = DomainPage {
        shell,
        now: app.kernel.clock.now(),
        connections: connections::list(&mut c, account_id, "", 200).await?,
        named: domains::connections_of(&mut c, account_id, &domain.domain).await?,
        is_first: accounts::is_first(&mut c, account_id).await?,
        domain,
        error,
    };
    page::render_with_status(status, &page)
}

pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    render(&request, &id, query.notice.as_deref(), None).await
}

async fn redirect_or_rerender(
    request: &AuthenticatedRequest,
    id: &str,
    done: Result<&str, admin::Error>,
) -> Result<Response, Error> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/console/domains/{id}?notice={notice}")).into_response()),
        Err(error) => render(request, id, None, Some(error.for_form()?)).await,
    }
}

/// Saves the connections that are ticked: each is a field `connection`.
pub(super) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Error> {
    let ticked = fields.into_iter().filter(|(name, _)| name == "connection").map(|(_, id)| id);
    let fields = DomainFields { connections: Some(ticked.collect()) };
    let done = admin::domains::change(&request.admin(), &id, fields).await;
    redirect_or_rerender(&request, &id, done.map(|_| "domain_saved")).await
}

#[derive(Deserialize)]
pub(super) struct VerifyForm {
    #[serde(default)]
    trust_administrator: Option<String>,
}

pub(super) async fn verify(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<VerifyForm>,
) -> Result<Response, Error> {
    let fields = VerificationFields { trust_administrator: form.trust_administrator.is_some() };
    let done = admin::domains::verify(&request.admin(), &id, fields).await;
    let notice =
        done.map(|domain| if domain.is_verified() { "domain_verified" } else { "domain_not_verified" });
    redirect_or_rerender(&request, &id, notice).await
}

pub(super) async fn delete(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    match admin::domains::delete(&request.admin(), &id).await {
        Ok(()) => Ok(Redirect::to("/console/domains?notice=domain_deleted").into_response()),
        Err(error) => render(&request, &id, None, Some(error.for_form()?)).await,
    }
}
