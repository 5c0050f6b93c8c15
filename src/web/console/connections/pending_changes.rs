//! Pending changes of a directory connection, which wait for an administrator's approval.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::requests::{Difference, names};
use crate::admin::{self, ListPage};
use crate::idp::connections::Connection;
use crate::provisioning::scim::approval::ApprovalResult;
use crate::provisioning::scim::pending_changes::{self, PendingChange};
use crate::web::console::{ConsoleListQuery, PAGE_SIZE};
use crate::web::page::{self, Shell};
use crate::web::{AuthenticatedRequest, Error};

/// A pending change as the page shows it.
struct PendingChangeRow {
    held: PendingChange,
    changes: Vec<Difference>,
}

#[derive(Template)]
#[template(path = "console/connection_waiting.html")]
struct PendingChangesPage {
    shell: Shell,
    connection: Connection,
    dry_run: bool,
    waiting: Vec<PendingChangeRow>,
    total: i64,
    next: Option<String>,
    outcome: Option<String>,
}

pub(crate) async fn list(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    render(&request, &id, query.notice.as_deref(), &query.after, None).await
}

/// The page had another path, to which earlier mails link.
pub(crate) async fn redirect_from_earlier_path(Path(id): Path<String>) -> Result<Redirect, Error> {
    // The id goes into a header, and has not been looked up.
    if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Error::not_found("connection"));
    }
    Ok(Redirect::permanent(&format!("/console/connections/{id}/pending-changes")))
}

async fn render(
    request: &AuthenticatedRequest,
    id: &str,
    notice: Option<&str>,
    after: &str,
    outcome: Option<String>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "connections", notice).await?;
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, id).await?;
    let connection = connection.typed()?.into_scim();
    let connection = connection.ok_or_else(|| Error::not_found("list of pending changes"))?;
    let account_id = &request.principal.account_id;
    let rows = pending_changes::list(&mut c, account_id, &connection.id, after, PAGE_SIZE + 1).await?;
    let ListPage { items: rows, next } = ListPage::of(rows, PAGE_SIZE, |one| &one.id);
    let names = names(&mut c, account_id, rows.iter().flat_map(|row| &row.changes)).await?;
    let waiting = rows.into_iter().map(|held| PendingChangeRow {
        changes: held.changes.iter().map(|one| Difference::of(one, &names)).collect(),
        held,
    });
    let page = PendingChangesPage {
        shell,
        dry_run: connection.settings.dry_run,
        waiting: waiting.collect(),
        total: pending_changes::count(&mut c, account_id, &connection.id).await?,
        connection: connection.into_connection(),
        next,
        outcome,
    };
    page::render(&page)
}

#[derive(Deserialize)]
pub(crate) struct PendingChangeForm {
    /// The id of one change; absent for all of them.
    chosen: Option<String>,
}

pub(crate) async fn approve(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<PendingChangeForm>,
) -> Result<Response, Error> {
    let chosen = form.chosen.as_deref();
    let approved = admin::provisioning::approve_pending_changes(&request.admin(), id.as_str(), chosen).await;
    let outcome = match approved {
        Ok(result) => outcome_text(&result, chosen.is_none()),
        Err(error) => error.for_form()?,
    };
    render(&request, &id, None, "", Some(outcome)).await
}

fn outcome_text(result: &ApprovalResult, is_for_all: bool) -> String {
    let mut texts = vec![format!("Applied: {}.", result.applied)];
    if result.outdated > 0 {
        texts.push(format!("Already in effect: {}.", result.outdated));
    }
    if result.refused > 0 {
        texts.push(format!("Not applied: {}. The reason is shown with each change.", result.refused));
    }
    if is_for_all && result.remaining > i64::try_from(result.refused).unwrap_or(0) {
        texts.push(
            "There were too many changes to apply at once. Approve the remaining changes as well.".into(),
        );
    }
    texts.join(" ")
}

pub(crate) async fn discard(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<PendingChangeForm>,
) -> Result<Response, Error> {
    admin::provisioning::discard_pending_changes(&request.admin(), &id, form.chosen.as_deref()).await?;
    let to = format!("/console/connections/{id}/pending-changes?notice=waiting_discarded");
    Ok(Redirect::to(&to).into_response())
}
