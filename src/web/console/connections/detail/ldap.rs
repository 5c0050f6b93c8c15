//! What the page of an LDAP connection shows.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use super::ConnectionPageExtras;
use super::listed_domains::ListedDomains;
use crate::directory::groups::{self, GroupLink};
use crate::idp::connection_tests::{self, TestResult};
use crate::idp::connections::{self, Connection, LdapConnection, LdapSettings};
use crate::idp::ldap::BIND_PASSWORD;
use crate::idp::ldap::sync::{self, Schedule, SyncReport, SyncRun};
use crate::kernel::{self, Timestamp};
use crate::web::Error;
use crate::web::page::{self, Shell};

#[derive(Template)]
#[template(path = "console/connection_ldap.html")]
struct LdapPage {
    shell: Shell,
    connection: Connection,
    settings: Arc<LdapSettings>,
    domains: ListedDomains,
    has_password: bool,
    links: Vec<(String, GroupLink)>,
    /// The sync schedule in words, and the time of the next run.
    schedule: Option<(String, Option<Timestamp>)>,
    runs: Vec<(SyncRun, SyncReport)>,
    /// The result of the last successful test.
    last: Option<TestResult>,
    error: Option<String>,
}

impl LdapPage {
    /// Whether passwords are sent unencrypted.
    fn is_unencrypted(&self) -> bool {
        !self.settings.start_tls && self.settings.urls.iter().any(|url| url.starts_with("ldap:"))
    }
}

pub(super) async fn page(
    c: &mut kernel::database::DbConn,
    shell: Shell,
    connection: LdapConnection,
    extras: ConnectionPageExtras<'_>,
    now: Timestamp,
) -> Result<Response, Error> {
    let (status, settings) = (extras.status(), connection.settings.clone());
    let page = LdapPage {
        shell,
        domains: ListedDomains::of(c, &connection, now).await?,
        has_password: connections::has_secret(c, &connection.id, BIND_PASSWORD).await?,
        links: groups::links_of_connection(c, &connection.id).await?,
        schedule: match Schedule::parse(&settings.schedule) {
            Ok(schedule) if settings.is_synced() => {
                Some((schedule.description(), sync::next_run_at(c, &connection.id).await?))
            }
            _ => None,
        },
        runs: sync::latest_runs(c, &connection.id, 10)
            .await?
            .into_iter()
            .map(|run| {
                let report = run.report();
                (run, report)
            })
            .collect(),
        last: connection_tests::last_passed(c, &connection.id).await?,
        connection: connection.into_connection(),
        settings,
        error: extras.error,
    };
    page::render_with_status(status, &page)
}
