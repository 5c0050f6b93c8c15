//! The page of an `OpenID` Connect or OAuth connection.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::super::super::page::{self, Shell, words};
use super::super::super::rules::ConnectionFields;
use super::super::super::{App, Error, rules};
use super::people::{PeopleForm, optional};
use super::presets::{self, Step};
use super::{Shown, back};
use crate::access::Principal;
use crate::directory::groups::{self, Link};
use crate::idp::connections::{self, ClientAuth, Connection, OidcSettings, Preset};
use crate::idp::oidc::{Addresses, CLIENT_SECRET};
use crate::idp::trials::{self, Found};
use crate::kernel;
use crate::kernel::http::RequestContext;

#[derive(Template)]
#[template(path = "console/connection_oidc.html")]
struct OidcPage {
    shell: Shell,
    connection: Connection,
    settings: OidcSettings,
    steps: Vec<Step>,
    domains: String,
    has_secret: bool,
    links: Vec<(String, Link)>,
    /// What the last test that succeeded found.
    last: Option<Found>,
    error: Option<String>,
}

impl OidcPage {
    /// What the last test had under a name, for the field that maps it.
    fn sample(&self, name: Option<&String>) -> Option<String> {
        self.last.as_ref()?.attributes.get(name?).map(|values| values.join(", "))
    }

    /// Whether the address is the preset's own.
    fn is_at_home(&self) -> bool {
        self.settings.preset.issuer() == Some(&self.settings.issuer) && self.settings.api_url.is_none()
    }
}

pub(super) async fn page(
    app: &App,
    c: &mut kernel::database::Connection,
    (shell, connection, settings): (Shell, Connection, OidcSettings),
    shown: Shown<'_>,
) -> Result<Response, Error> {
    let status = shown.status();
    let ours = Addresses::of(&app.kernel.urls, &connection.id);
    let page = OidcPage {
        shell,
        steps: presets::steps(settings.preset, &ours),
        domains: connections::domains_of(c, &connection.id).await?.join(", "),
        has_secret: connections::has_secret(c, &connection.id, CLIENT_SECRET).await?,
        links: groups::links_of_connection(c, &connection.id).await?,
        last: trials::last_passed(c, &connection.id).await?,
        connection,
        settings,
        error: shown.error,
    };
    page::render_again(status, &page)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in super::super) struct OidcForm {
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
    people: PeopleForm,
}

impl OidcForm {
    fn fields(self) -> ConnectionFields {
        ConnectionFields {
            name: Some(self.name),
            display_name: Some(self.display_name),
            position: self.position.trim().parse().ok(),
            is_default: Some(self.is_default.is_some()),
            email_domains: Some(words(&self.email_domains)),
            issuer: Some(self.issuer),
            api_url: Some(self.api_url),
            client_id: Some(self.client_id),
            client_secret: optional(self.client_secret),
            client_auth: Some(self.client_auth),
            scopes: Some(words(&self.scopes)),
            tenants: Some(words(&self.tenants)),
            hosted_domains: Some(words(&self.hosted_domains)),
            trust_email: Some(self.trust_email.is_some()),
            force_authn: Some(self.force_authn.is_some()),
            ..self.people.fields()
        }
    }
}

pub(in super::super) async fn save(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<OidcForm>,
) -> Result<Response, Error> {
    let done = rules::change_connection(&app, &principal, &request, &id, form.fields()).await.map(drop);
    back(&app, &principal, (&id, "connection_saved"), done).await
}
