//! The page of an `OpenID` Connect or OAuth connection.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::attribute_mapping::{AttributeMappingForm, optional};
use super::presets::{self, PresetStep};
use super::{ConnectionPageExtras, redirect_or_rerender};
use crate::admin;
use crate::admin::connections::ConnectionFields;
use crate::directory::groups::{self, GroupLink};
use crate::idp::connection_tests::{self, TestResult};
use crate::idp::connections::{self, ClientAuth, Connection, OidcConnection, OidcSettings, Preset};
use crate::idp::oidc::{CLIENT_SECRET, RpEndpoints};
use crate::kernel;
use crate::web::page::{self, Shell, split_list};
use crate::web::{AppState, AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/connection_oidc.html")]
struct OidcPage {
    shell: Shell,
    connection: Connection,
    settings: Arc<OidcSettings>,
    steps: Vec<PresetStep>,
    domains: String,
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
        domains: connections::domains_of(c, &connection.id).await?.join(", "),
        has_secret: connections::has_secret(c, &connection.id, CLIENT_SECRET).await?,
        links: groups::links_of_connection(c, &connection.id).await?,
        last: connection_tests::last_passed(c, &connection.id).await?,
        connection: connection.into_connection(),
        settings,
        error: extras.error,
    };
    page::render_with_status(status, &page)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OidcForm {
    name: String,
    display_name: String,
    position: String,
    is_default: Option<String>,
    email_domains: String,
    issuer: String,
    api_url: String,
    client_id: String,
    client_secret: String,
    client_auth: String,
    scopes: String,
    tenants: String,
    hosted_domains: String,
    trust_email: Option<String>,
    force_authn: Option<String>,
    #[serde(flatten)]
    people: AttributeMappingForm,
}

impl OidcForm {
    fn fields(self) -> ConnectionFields {
        ConnectionFields {
            name: Some(self.name),
            display_name: Some(self.display_name),
            position: self.position.trim().parse().ok(),
            is_default: Some(self.is_default.is_some()),
            email_domains: Some(split_list(&self.email_domains)),
            issuer: Some(self.issuer),
            api_url: Some(self.api_url),
            client_id: Some(self.client_id),
            client_secret: optional(self.client_secret),
            client_auth: Some(self.client_auth),
            scopes: Some(split_list(&self.scopes)),
            tenants: Some(split_list(&self.tenants)),
            hosted_domains: Some(split_list(&self.hosted_domains)),
            trust_email: Some(self.trust_email.is_some()),
            force_authn: Some(self.force_authn.is_some()),
            ..self.people.fields()
        }
    }
}

pub(crate) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<OidcForm>,
) -> Result<Response, Error> {
    let done = admin::connections::change(&request.admin(), &id, form.fields()).await.map(drop);
    redirect_or_rerender(&request, &id, "connection_saved", done).await
}
