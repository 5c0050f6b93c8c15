//! Connections to identity providers, with the values to copy into the provider's console.

mod advice;
mod attribute_mapping;
pub(super) mod connection_tests;
mod detail;
pub(super) mod ldap;
pub(super) mod oidc;
pub(super) mod pending_changes;
mod presets;
pub(super) mod requests;
pub(super) mod saml;
pub(super) mod scim;
pub(super) mod syncs;
pub(super) mod tokens;
mod vendors;

use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use self::detail::{ConnectionPageExtras, redirect_or_rerender};
use super::{ConsoleListQuery, text_fields};
use crate::access::Principal;
use crate::admin;
use crate::admin::connections::ConnectionFields;
use crate::idp::connections::{self, Connection, ConnectionKind, GroupQuery, Preset, UserQuery, Vendor};
use crate::idp::oidc::RpEndpoints;
use crate::kernel::TextEnum as _;
use crate::kernel::{ids, sealed_state};
use crate::web::page::{self, Shell, split_list};
use crate::web::{AuthenticatedRequest, Error};

#[derive(Template)]
#[template(path = "console/connections.html")]
struct ConnectionsPage {
    shell: Shell,
    connections: Vec<Connection>,
}

#[derive(Template)]
#[template(path = "console/connection_new.html")]
struct NewConnectionPage {
    shell: Shell,
    form: NewConnectionForm,
    /// The steps at the provider that come first.
    steps: Vec<presets::PresetStep>,
    error: Option<String>,
}

impl NewConnectionPage {
    /// Whether the administrator has chosen what to connect, so that the form is shown.
    fn has_form(&self) -> bool {
        match self.form.kind.as_str() {
            "scim" | "ldap" => true,
            "oidc" => !self.form.preset.is_empty(),
            "saml" => !self.form.vendor.is_empty(),
            _ => false,
        }
    }

    /// The submitted name, or the product's name as a default.
    fn name(&self) -> &str {
        match (self.form.kind.as_str(), self.form.vendor(), self.form.preset()) {
            _ if !self.form.name.is_empty() => &self.form.name,
            ("oidc", _, preset) if preset != Preset::Other => preset.label(),
            ("saml", vendor, _) if vendor != Vendor::Other => vendor.label(),
            _ => "",
        }
    }
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    let shell =
        Shell::build(&request.app, &request.principal, "connections", query.notice.as_deref()).await?;
    let mut c = request.app.kernel.db.read().await?;
    let mut connections = connections::list(&mut c, &request.principal.account_id, "", 200).await?;
    connections
        .sort_by_key(|one| (one.kind() == Some(ConnectionKind::Scim), !one.is_default(), one.position));
    page::render(&ConnectionsPage { shell, connections })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewConnectionForm {
    kind: String,
    vendor: String,
    preset: String,
    /// The reserved id of the new connection, sealed. The provider must be told our URLs, which contain it,
    /// before the connection exists.
    ticket: String,
    name: String,
    issuer: String,
    client_id: String,
    client_secret: String,
    url: String,
    start_tls: bool,
    ca_certificate: String,
    bind_dn: String,
    bind_password: String,
    base_dn: String,
    metadata_xml: String,
    metadata_url: String,
    email_domains: String,
}

impl NewConnectionForm {
    fn vendor(&self) -> Vendor {
        Vendor::parse(&self.vendor).unwrap_or_default()
    }

    fn preset(&self) -> Preset {
        Preset::parse(&self.preset).unwrap_or_default()
    }

    fn guide(&self) -> vendors::Guide {
        vendors::guide(self.vendor())
    }
}

pub(super) async fn new(
    request: AuthenticatedRequest,
    Query(form): Query<NewConnectionForm>,
) -> Result<Response, Error> {
    let page = new_page(&request, form, None).await?;
    page::render(&page)
}

/// The default query below this base DN; none if it is empty.
fn queries<Q>(base_dn: &str, below: impl Fn(String) -> Q) -> Vec<Q> {
    let base_dn = Some(base_dn.trim().to_owned()).filter(|base_dn| !base_dn.is_empty());
    base_dn.map(below).into_iter().collect()
}

/// How long an id stays reserved for a connection that is being created.
const RESERVATION_LIFETIME: Duration = Duration::from_hours(8);

fn reservation(principal: &Principal) -> String {
    format!("connection/{}", principal.account_id)
}

async fn reserved_id(request: &AuthenticatedRequest, ticket: &str) -> Result<Option<String>, Error> {
    let opened =
        sealed_state::open::<String>(&request.app.kernel, &reservation(&request.principal), ticket).await?;
    Ok(opened.map(|ticket| ticket.content))
}

async fn new_page(
    request: &AuthenticatedRequest,
    mut form: NewConnectionForm,
    error: Option<String>,
) -> Result<NewConnectionPage, Error> {
    let shell = Shell::build(&request.app, &request.principal, "connections", None).await?;
    let mut steps = Vec::new();
    if form.kind == "oidc" {
        let id = match reserved_id(request, &form.ticket).await? {
            Some(id) => id,
            None => ids::new_id(request.app.kernel.clock.now()),
        };
        steps = presets::steps(form.preset(), &RpEndpoints::of(&request.app.kernel.urls, &id));
        form.ticket = sealed_state::issue(
            &request.app.kernel,
            &reservation(&request.principal),
            id,
            RESERVATION_LIFETIME,
        )?;
    }
    Ok(NewConnectionPage { shell, form, steps, error })
}

/// The fields of a form with metadata in it. An uploaded file takes precedence over pasted text.
async fn read_form(multipart: Multipart) -> Result<Vec<(String, String)>, Error> {
    let mut fields = text_fields(multipart, "Metadata").await?;
    fields.retain(|(_, text)| !text.is_empty());
    let file = fields.iter().position(|(name, _)| name == "metadata_file");
    if let Some(file) = file {
        let (_, text) = fields.remove(file);
        fields.insert(0, ("metadata_xml".into(), text));
    }
    Ok(fields)
}

/// The first field of this name, or an empty text.
fn field(fields: &[(String, String)], name: &str) -> String {
    fields.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone()).unwrap_or_default()
}

pub(super) async fn create(request: AuthenticatedRequest, multipart: Multipart) -> Result<Response, Error> {
    let fields = read_form(multipart).await?;
    let form = NewConnectionForm {
        kind: field(&fields, "kind"),
        vendor: field(&fields, "vendor"),
        preset: field(&fields, "preset"),
        ticket: field(&fields, "ticket"),
        issuer: field(&fields, "issuer"),
        client_id: field(&fields, "client_id"),
        client_secret: field(&fields, "client_secret"),
        url: field(&fields, "url"),
        start_tls: !field(&fields, "start_tls").is_empty(),
        ca_certificate: field(&fields, "ca_certificate"),
        bind_dn: field(&fields, "bind_dn"),
        bind_password: field(&fields, "bind_password"),
        base_dn: field(&fields, "base_dn"),
        name: field(&fields, "name"),
        metadata_xml: field(&fields, "metadata_xml"),
        metadata_url: field(&fields, "metadata_url"),
        email_domains: field(&fields, "email_domains"),
    };
    let mut wanted = ConnectionFields {
        kind: Some(match form.kind.as_str() {
            "scim" => ConnectionKind::Scim,
            "oidc" => ConnectionKind::Oidc,
            "ldap" => ConnectionKind::Ldap,
            _ => ConnectionKind::Saml,
        }),
        name: Some(form.name.clone()),
        ..ConnectionFields::default()
    };
    if wanted.kind == Some(ConnectionKind::Saml) {
        wanted.vendor = Some(form.vendor());
        wanted.metadata_xml = Some(form.metadata_xml.clone());
        wanted.metadata_url = Some(form.metadata_url.clone());
        wanted.email_domains = Some(split_list(&form.email_domains));
        // The attribute in which this product usually sends groups.
        wanted.group_attribute = vendors::guide(form.vendor()).group_attribute.map(str::to_owned);
    }
    if wanted.kind == Some(ConnectionKind::Ldap) {
        wanted.url = Some(form.url.clone());
        wanted.start_tls = Some(form.start_tls);
        wanted.ca_certificate = Some(form.ca_certificate.clone());
        wanted.bind_dn = Some(form.bind_dn.clone());
        wanted.bind_password = Some(form.bind_password.clone());
        wanted.email_domains = Some(split_list(&form.email_domains));
        wanted.user_queries = Some(queries(&form.base_dn, UserQuery::below));
        wanted.group_queries = Some(queries(&form.base_dn, GroupQuery::below));
    }
    if wanted.kind == Some(ConnectionKind::Oidc) {
        wanted.reserved_id = reserved_id(&request, &form.ticket).await?;
        wanted.preset = Some(form.preset());
        wanted.issuer = Some(form.issuer.clone()).filter(|issuer| !issuer.is_empty());
        wanted.client_id = Some(form.client_id.clone());
        wanted.client_secret = Some(form.client_secret.clone());
        wanted.email_domains = Some(split_list(&form.email_domains));
    }
    match admin::connections::create(&request.admin(), wanted).await {
        Ok(made) => {
            let notice = if made.kind() == Some(ConnectionKind::Scim) {
                "directory_created"
            } else {
                "connection_created"
            };
            Ok(Redirect::to(&format!("/console/connections/{}?notice={notice}", made.id)).into_response())
        }
        Err(error) => {
            let page = new_page(&request, form, Some(error.for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// What the page of a connection shows besides the connection itself.
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, Error> {
    let (notice, vendor) = (query.notice.as_deref(), query.at.as_deref());
    detail::render(&request, &id, ConnectionPageExtras { notice, vendor, ..ConnectionPageExtras::default() })
        .await
}

#[derive(Deserialize)]
pub(super) struct ShowQuery {
    notice: Option<String>,
    /// The vendor whose setup steps are shown.
    at: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct EnabledForm {
    enabled: bool,
    override_untested: Option<String>,
}

pub(super) async fn set_enabled(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<EnabledForm>,
) -> Result<Response, Error> {
    let wanted = ConnectionFields {
        enabled: Some(form.enabled),
        override_untested: form.override_untested.is_some(),
        ..ConnectionFields::default()
    };
    let done = admin::connections::change(&request.admin(), &id, wanted).await.map(drop);
    redirect_or_rerender(&request, &id, "connection_saved", done).await
}

pub(super) async fn delete(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    match admin::connections::delete(&request.admin(), &id).await {
        Ok(()) => Ok(Redirect::to("/console/connections?notice=connection_deleted").into_response()),
        failed => redirect_or_rerender(&request, &id, "", failed).await,
    }
}
