//! The page of a directory connection.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::super::page::{self, Shell, filled};
use super::super::super::rules::{ConnectionFields, LogSearch, NewScimToken};
use super::super::super::{App, Error, rules};
use super::provisioning::Line;
use super::vendors::{self, ScimValue};
use super::{Shown, back, render};
use crate::access::Principal;
use crate::access::tokens::{self, Token};
use crate::directory::{groups, users};
use crate::idp::connections::{Connection, ExtraAttribute, ScimSettings, Vendor};
use crate::kernel::http::RequestContext;
use crate::kernel::{self, Timestamp};
use crate::provisioning::scim::held;

/// Requests shown on the connection's own page.
const LATEST: i64 = 5;

#[derive(Template)]
#[template(path = "console/connection_scim.html")]
struct ScimPage {
    shell: Shell,
    connection: Connection,
    settings: ScimSettings,
    vendor: Vendor,
    base_url: String,
    tokens: Vec<Token>,
    now: Timestamp,
    users: i64,
    groups: i64,
    waiting: i64,
    latest: Vec<Line>,
    secret: Option<String>,
    error: Option<String>,
}

impl ScimPage {
    /// When the identity provider was here for the last time.
    fn last_contact(&self) -> Option<Timestamp> {
        self.tokens.iter().filter_map(|token| token.last_used_at).max()
    }

    fn extra_lines(&self) -> String {
        let lines: Vec<String> = self.settings.extra_attributes.iter().map(ExtraAttribute::line).collect();
        lines.join("\n")
    }

    fn steps(&self) -> &'static [vendors::ScimStep] {
        vendors::scim_steps(self.vendor)
    }
}

pub(super) async fn page(
    app: &App,
    c: &mut kernel::database::Connection,
    (shell, connection, settings): (Shell, Connection, ScimSettings),
    shown: Shown<'_>,
) -> Result<Response, Error> {
    let status = shown.status();
    let account_id = &connection.account_id;
    let managed_users = [users::Match::Connection(connection.id.clone())];
    let managed_groups = [groups::Match::Connection(connection.id.clone())];
    let latest = rules::scim_log(app, &connection, LogSearch::default(), (None, LATEST)).await?;
    let page = ScimPage {
        shell,
        vendor: Vendor::parse(shown.vendor.unwrap_or("okta")),
        base_url: app.kernel.urls.absolute("/scim/v2"),
        tokens: tokens::of_connection(c, account_id, &connection.id).await?,
        now: app.kernel.clock.now(),
        users: users::count(c, account_id, &managed_users).await?,
        groups: groups::count(c, account_id, &managed_groups).await?,
        waiting: held::count(c, account_id, &connection.id).await?,
        latest: latest.into_iter().map(Line::from).collect(),
        settings,
        connection,
        secret: shown.secret,
        error: shown.error,
    };
    page::render_again(status, &page)
}

#[derive(Deserialize)]
pub(in super::super) struct TokenForm {
    #[serde(default)]
    name: String,
    /// The token in whose place it comes.
    replaces: Option<String>,
    overlap_hours: Option<u32>,
}

/// Shows the secret on the answer itself: it exists nowhere else, so it cannot survive a redirect.
pub(in super::super) async fn create_token(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<TokenForm>,
) -> Result<Response, Error> {
    let name = filled(&form.name);
    let replaces = form.replaces.as_deref().map(|old| (old, form.overlap_hours.unwrap_or(24)));
    let new = NewScimToken { name: name.as_deref(), expires_at: None, replaces };
    match rules::make_scim_token(&app, &principal, &request, &id, new).await {
        Ok((_, secret)) => {
            render(&app, &principal, &id, Shown { secret: Some(secret), ..Shown::default() }).await
        }
        Err(error) => back(&app, &principal, (&id, ""), Err(error)).await,
    }
}

#[derive(Deserialize)]
pub(in super::super) struct RevokeForm {
    token: String,
}

pub(in super::super) async fn revoke_token(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<RevokeForm>,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    rules::revoke_token(&mut tx, &principal, &request, &form.token).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/console/connections/{id}?notice=token_revoked")).into_response())
}

#[derive(Deserialize)]
pub(in super::super) struct ScimForm {
    dry_run: Option<String>,
    log_values: Option<String>,
    log_days: u32,
    removal_limit: u32,
    requests_per_second: u32,
    /// One a line.
    extra_attributes: String,
}

impl ScimForm {
    fn wanted(&self) -> Result<ConnectionFields, Error> {
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

pub(in super::super) async fn save(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<ScimForm>,
) -> Result<Response, Error> {
    let done = match form.wanted() {
        Ok(wanted) => rules::change_connection(&app, &principal, &request, &id, wanted).await.map(drop),
        Err(error) => Err(error),
    };
    back(&app, &principal, (&id, "connection_saved"), done).await
}
