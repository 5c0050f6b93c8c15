//! The page of a directory connection (SCIM).

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::requests::RequestLogRow;
use super::vendors::{self, ScimValue};
use super::{ConnectionPageExtras, redirect_or_rerender};
use crate::access::tokens::{self, ApiToken};
use crate::admin;
use crate::admin::connections::ConnectionFields;
use crate::admin::provisioning::LogSearch;
use crate::directory::{groups, users};
use crate::idp::connections::{Connection, ExtraAttribute, ScimConnection, ScimSettings, Vendor};
use crate::kernel::{self, Timestamp};
use crate::provisioning::scim::pending_changes;
use crate::web::page::{self, Shell};
use crate::web::{AppState, AuthenticatedRequest, Error};

/// How many requests the connection's own page shows.
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
    /// When a provisioning client last used a token of this connection.
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
    let latest =
        admin::provisioning::list_requests(&app.kernel, &connection, LogSearch::default(), None, LATEST)
            .await?;
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
pub(crate) struct ScimForm {
    dry_run: Option<String>,
    log_values: Option<String>,
    log_days: u32,
    removal_limit: u32,
    requests_per_second: u32,
    /// One attribute per line.
    extra_attributes: String,
}

impl ScimForm {
    fn fields(&self) -> Result<ConnectionFields, Error> {
        let lines = self.extra_attributes.lines().filter(|line| !line.trim().is_empty());
        let extra: Result<Vec<ExtraAttribute>, _> = lines.map(ExtraAttribute::parse).collect();
        let extra = extra.map_err(|unknown| crate::directory::Error::Invalid {
            field: "extra_attributes",
            reason: unknown.to_string(),
        })?;
        Ok(ConnectionFields {
            dry_run: Some(self.dry_run.is_some()),
            log_values: Some(self.log_values.is_some()),
            log_days: Some(self.log_days),
            removal_limit: Some(self.removal_limit),
            requests_per_second: Some(self.requests_per_second),
            extra_attributes: Some(extra),
            ..ConnectionFields::default()
        })
    }
}

pub(crate) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<ScimForm>,
) -> Result<Response, Error> {
    let done = match form.fields() {
        Ok(wanted) => {
            let changed = admin::connections::change(&request.admin(), &id, wanted).await;
            changed.map(drop).map_err(Error::from)
        }
        Err(error) => Err(error),
    };
    redirect_or_rerender(&request, &id, "connection_saved", done).await
}
