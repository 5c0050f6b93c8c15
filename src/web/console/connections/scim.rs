//! The page of a directory connection.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::provisioning::RequestLogRow;
use super::vendors::{self, ScimValue};
use super::{ConnectionPageExtras, redirect_or_rerender, render};
use crate::access::Principal;
use crate::access::tokens::{self, ApiToken};
use crate::directory::{groups, users};
use crate::idp::connections::{Connection, ExtraAttribute, ScimConnection, ScimSettings, Vendor};
use crate::kernel::http::RequestContext;
use crate::kernel::{self, Timestamp};
use crate::provisioning::scim::pending_changes;
use crate::web::admin::{ConnectionFields, LogSearch, NewScimToken};
use crate::web::page::{self, Shell, non_empty};
use crate::web::{AppState, Error, admin};

/// Requests shown on the connection's own page.
const LATEST: i64 = 5;

#[derive(Template)]
#[template(path = "console/connection_scim.html")]
struct ScimPage {
    shell: Shell,
    connection: Connection,
    settings: Arc<ScimSettings>,
    vendor: Vendor,
    base_url: String,
    tokens: Vec<ApiToken>,
    now: Timestamp,
    users: i64,
    groups: i64,
    waiting: i64,
    latest: Vec<RequestLogRow>,
    secret: Option<String>,
    error: Option<String>,
}

impl ScimPage {
    /// When the identity provider was here for the last time.
    fn last_contact(&self) -> Option<Timestamp> {
        self.tokens.iter().filter_map(|token| token.last_used_at).max()
    }

    fn extra_lines(&self) -> String {
        let lines: Vec<String> = self.settings.extra_attributes.iter().map(ExtraAttribute::to_line).collect();
        lines.join("\n")
    }

    fn steps(&self) -> &'static [vendors::ScimStep] {
        vendors::scim_steps(self.vendor)
    }
}

pub(super) async fn page(
    app: &AppState,
    c: &mut kernel::database::DbConn,
    shell: Shell,
    connection: ScimConnection,
    extras: ConnectionPageExtras<'_>,
) -> Result<Response, Error> {
    let (status, settings) = (extras.status(), connection.settings.clone());
    let account_id = &connection.account_id;
    let managed_users = [users::UserCondition::Connection(connection.id.clone())];
    let managed_groups = [groups::GroupCondition::Connection(connection.id.clone())];
    let latest = admin::list_scim_requests(app, &connection, LogSearch::default(), None, LATEST).await?;
    let page = ScimPage {
        shell,
        vendor: Vendor::parse(extras.vendor.unwrap_or("okta")),
        base_url: app.kernel.urls.absolute("/scim/v2"),
        tokens: tokens::of_connection(c, account_id, &connection.id).await?,
        now: app.kernel.clock.now(),
        users: users::count(c, account_id, &managed_users).await?,
        groups: groups::count(c, account_id, &managed_groups).await?,
        waiting: pending_changes::count(c, account_id, &connection.id).await?,
        latest: latest.into_iter().map(RequestLogRow::from).collect(),
        settings,
        connection: connection.into_connection(),
        secret: extras.secret,
        error: extras.error,
    };
    page::render_with_status(status, &page)
}

#[derive(Deserialize)]
pub(crate) struct ScimTokenForm {
    #[serde(default)]
    name: String,
    /// The token in whose place it comes.
    replaces: Option<String>,
    overlap_hours: Option<u32>,
}

/// Shows the secret on the answer itself: it exists nowhere else, so it cannot survive a redirect.
pub(crate) async fn create_token(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<ScimTokenForm>,
) -> Result<Response, Error> {
    let name = non_empty(&form.name);
    let replaces = form.replaces.as_deref().map(|old| (old, form.overlap_hours.unwrap_or(24)));
    let new = NewScimToken { name: name.as_deref(), expires_at: None, replaces };
    match admin::make_scim_token(&app, &principal, &request, &id, new).await {
        Ok((_, secret)) => {
            render(
                &app,
                &principal,
                &id,
                ConnectionPageExtras { secret: Some(secret), ..ConnectionPageExtras::default() },
            )
            .await
        }
        Err(error) => redirect_or_rerender(&app, &principal, &id, "", Err(error)).await,
    }
}

#[derive(Deserialize)]
pub(crate) struct RevokeForm {
    token: String,
}

pub(crate) async fn revoke_token(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<RevokeForm>,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    admin::revoke_token(&mut tx, &principal, &request, &form.token).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/console/connections/{id}?notice=token_revoked")).into_response())
}

#[derive(Deserialize)]
pub(crate) struct ScimForm {
    dry_run: Option<String>,
    log_values: Option<String>,
    log_days: u32,
    removal_limit: u32,
    requests_per_second: u32,
    /// One a line.
    extra_attributes: String,
}

impl ScimForm {
    fn fields(&self) -> Result<ConnectionFields, Error> {
        let lines = self.extra_attributes.lines().filter(|line| !line.trim().is_empty());
        let extra: Result<Vec<ExtraAttribute>, _> = lines.map(ExtraAttribute::parse).collect();
        Ok(ConnectionFields {
            dry_run: Some(self.dry_run.is_some()),
            log_values: Some(self.log_values.is_some()),
            log_days: Some(self.log_days),
            removal_limit: Some(self.removal_limit),
            requests_per_second: Some(self.requests_per_second),
            extra_attributes: Some(extra?),
            ..ConnectionFields::default()
        })
    }
}

pub(crate) async fn save(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<ScimForm>,
) -> Result<Response, Error> {
    let done = match form.fields() {
        Ok(wanted) => admin::change_connection(&app, &principal, &request, &id, wanted).await.map(drop),
        Err(error) => Err(error),
    };
    redirect_or_rerender(&app, &principal, &id, "connection_saved", done).await
}
