//! The first page: counts, what is not set up yet, and recent events.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;

use super::ConsoleListQuery;
use crate::access::Permission;
use crate::audit::{self, AuditQuery, AuditRecord};
use crate::directory::{groups, users};
use crate::idp::connections::{self, Connection, ConnectionKind};
use crate::web::page::{self, Shell};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/overview.html")]
struct OverviewPage {
    shell: Shell,
    active_users: i64,
    all_users: i64,
    groups: i64,
    connections: Vec<Connection>,
    has_sign_in_connection: bool,
    has_scim: bool,
    events: Vec<AuditRecord>,
}

pub(super) async fn show(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "overview", query.notice.as_deref()).await?;
    let account = &request.principal.account_id;
    let mut c = request.app.kernel.db.read().await?;
    let connections = connections::list(&mut c, account, "", 100).await?;
    let events = if request.principal.has_permission(Permission::AuditView) {
        audit::list(&mut c, account, &AuditQuery::default(), 8, None).await?.items
    } else {
        Vec::new()
    };
    page::render(&OverviewPage {
        shell,
        active_users: users::count(&mut c, account, &[users::UserCondition::Active(true)]).await?,
        all_users: users::count(&mut c, account, &[]).await?,
        groups: groups::count(&mut c, account, &[]).await?,
        has_sign_in_connection: connections.iter().any(|c| c.is_for_sign_in() && c.is_enabled()),
        has_scim: connections.iter().any(|c| c.kind() == Some(ConnectionKind::Scim)),
        connections,
        events,
    })
}
