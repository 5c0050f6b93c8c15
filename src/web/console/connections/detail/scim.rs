//! What the page of a provisioning connection shows.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use super::ConnectionPageExtras;
use crate::access::tokens::{self, ApiToken};
use crate::admin;
use crate::admin::provisioning::LogSearch;
use crate::directory::{groups, users};
use crate::idp::connections::{Connection, ExtraAttribute, ScimConnection, ScimSettings, Vendor};
use crate::kernel::TextEnum as _;
use crate::kernel::{self, Timestamp};
use crate::provisioning::scim::pending_changes;
use crate::web::console::connections::requests::RequestLogRow;
use crate::web::console::connections::vendors::{self, ScimValue};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error};

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
    let managed_users = [users::UserCondition::Connection(String::from(&connection.id))];
    let managed_groups = [groups::GroupCondition::Connection(String::from(&connection.id))];
    let latest =
        admin::provisioning::list_requests(&app.kernel, &connection, LogSearch::default(), None, LATEST)
            .await?;
    let page = ScimPage {
        shell,
        vendor: Vendor::parse(extras.vendor.unwrap_or("okta")).unwrap_or_default(),
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
