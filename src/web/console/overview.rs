//! The first page: what is there, what is missing, what happened.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::super::page::{self, Shell};
use super::super::{App, Error};
use super::ListQuery;
use crate::access::{Permission, Principal};
use crate::audit::{self, Filter, Recorded};
use crate::directory::{groups, users};
use crate::idp::connections::{self, Connection, Kind};

#[derive(Template)]
#[template(path = "console/overview.html")]
struct OverviewPage {
    shell: Shell,
    active_users: i64,
    all_users: i64,
    groups: i64,
    connections: Vec<Connection>,
    has_door: bool,
    has_scim: bool,
    events: Vec<Recorded>,
}

pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "overview", query.notice.as_deref()).await?;
    let account = &principal.account_id;
    let mut c = app.kernel.db.read().await?;
    let connections = connections::list(&mut c, account, ("", 100)).await?;
    let events = if principal.may(Permission::AuditView) {
        audit::list(&mut c, account, &Filter::default(), 8, None).await?.items
    } else {
        Vec::new()
    };
    page::render(&OverviewPage {
        shell,
        active_users: users::count(&mut c, account, &[users::Match::Active(true)]).await?,
        all_users: users::count(&mut c, account, &[]).await?,
        groups: groups::count(&mut c, account, &[]).await?,
        has_door: connections.iter().any(|c| c.kind().is_door() && c.is_enabled()),
        has_scim: connections.iter().any(|c| c.kind() == Kind::Scim),
        connections,
        events,
    })
}
