//! What the page of an `OpenID` Connect or OAuth connection shows.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use super::ConnectionPageExtras;
use super::listed_domains::ListedDomains;
use crate::directory::groups::{self, GroupLink};
use crate::idp::connection_tests::{self, TestResult};
use crate::idp::connections::{self, ClientAuth, Connection, OidcConnection, OidcSettings, Preset};
use crate::idp::oidc::{CLIENT_SECRET, RpEndpoints};
use crate::kernel;
use crate::kernel::TextEnum as _;
use crate::web::console::connections::presets::{self, PresetStep};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error};

#[derive(Template)]
#[template(path = "console/connection_oidc.html")]
struct OidcPage {
    shell: Shell,
    connection: Connection,
    settings: Arc<OidcSettings>,
    steps: Vec<PresetStep>,
    domains: ListedDomains,
    has_secret: bool,
    links: Vec<(String, GroupLink)>,
    /// The result of the last successful test.
    last: Option<TestResult>,
    error: Option<String>,
}

impl OidcPage {
    /// The values of this claim in the last successful test, shown beside the field that maps it.
    fn sample(&self, name: Option<&String>) -> Option<String> {
        self.last.as_ref()?.attributes.get(name?).map(|values| values.join(", "))
    }

    /// Whether the issuer and the API URL are those of the preset.
    fn uses_default_urls(&self) -> bool {
        self.settings.preset.issuer() == Some(&self.settings.issuer) && self.settings.api_url.is_none()
    }
}

pub(super) async fn page(
    app: &AppState,
    c: &mut kernel::database::DbConn,
    shell: Shell,
    connection: OidcConnection,
    extras: ConnectionPageExtras<'_>,
) -> Result<Response, Error> {
    let (status, settings) = (extras.status(), connection.settings.clone());
    let ours = RpEndpoints::of(&app.kernel.urls, &connection.id);
    let page = OidcPage {
        shell,
        steps: presets::steps(settings.preset, &ours),
        domains: ListedDomains::of(c, &connection, app.kernel.clock.now()).await?,
        has_secret: connections::has_secret(c, &connection.id, CLIENT_SECRET).await?,
        links: groups::links_of_connection(c, &connection.id).await?,
        last: connection_tests::last_passed(c, &connection.id).await?,
        connection: connection.into_connection(),
        settings,
        error: extras.error,
    };
    page::render_with_status(status, &page)
}
