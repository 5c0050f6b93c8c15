//! Connections to identity providers, with the values to paste on the other side.

mod advice;
mod attribute_mapping;
pub(super) mod connection_tests;
mod ldap;
mod oidc;
mod presets;
mod provisioning;
mod saml;
mod scim;
mod vendors;

use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{ConsoleListQuery, text_fields};
use crate::access::Principal;
use crate::idp::connections::{
    self, Connection, ConnectionKind, GroupQuery, Preset, TypedConnection, UserQuery, Vendor,
};
use crate::idp::oidc::RpEndpoints;
use crate::kernel::http::RequestContext;
use crate::kernel::{ids, sealed_state};
use crate::web::admin::ConnectionFields;
use crate::web::page::{self, Shell, split_list};
use crate::web::{AppState, Error, admin};

pub(super) use ldap::{begin_sync, progress as sync_progress, save as save_ldap};
pub(super) use oidc::save as save_oidc;
pub(super) use provisioning::{
    approve_pending_changes, discard_pending_changes, list_pending_changes, requests,
};
pub(super) use saml::{forget_retiring, load_metadata, rotate_keys, save};
pub(super) use scim::{create_token, revoke_token, save as save_scim};

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
    /// What to do at the provider first.
    steps: Vec<presets::PresetStep>,
    error: Option<String>,
}

impl NewConnectionPage {
    /// Whether it is chosen what to connect.
    fn has_form(&self) -> bool {
        match self.form.kind.as_str() {
            "scim" | "ldap" => true,
            "oidc" => !self.form.preset.is_empty(),
            "saml" => !self.form.vendor.is_empty(),
            _ => false,
        }
    }

    /// What was typed, or the product's own name, which is as good as any.
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
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", query.notice.as_deref()).await?;
    let mut c = app.kernel.db.read().await?;
    let mut connections = connections::list(&mut c, &principal.account_id, "", 200).await?;
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
    /// The id the connection will have, sealed: the provider has to know its addresses before.
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
        Vendor::parse(&self.vendor)
    }

    fn preset(&self) -> Preset {
        Preset::parse(&self.preset).unwrap_or_default()
    }

    fn guide(&self) -> vendors::Guide {
        vendors::guide(self.vendor())
    }
}

pub(super) async fn new(
    State(app): State<AppState>,
    principal: Principal,
    Query(form): Query<NewConnectionForm>,
) -> Result<Response, Error> {
    let page = new_page(&app, &principal, form, None).await?;
    page::render(&page)
}

/// The usual query below an entry; none where none is named.
fn queries<Q>(base_dn: &str, below: impl Fn(String) -> Q) -> Vec<Q> {
    let base_dn = Some(base_dn.trim().to_owned()).filter(|base_dn| !base_dn.is_empty());
    base_dn.map(below).into_iter().collect()
}

/// How long the id of a connection that is being made is kept for it.
const RESERVATION_LIFETIME: Duration = Duration::from_hours(8);

fn reservation(principal: &Principal) -> String {
    format!("connection/{}", principal.account_id)
}

async fn reserved_id(app: &AppState, principal: &Principal, ticket: &str) -> Result<Option<String>, Error> {
    let opened = sealed_state::open::<String>(&app.kernel, &reservation(principal), ticket).await?;
    Ok(opened.map(|ticket| ticket.content))
}

async fn new_page(
    app: &AppState,
    principal: &Principal,
    mut form: NewConnectionForm,
    error: Option<String>,
) -> Result<NewConnectionPage, Error> {
    let shell = Shell::build(app, principal, "connections", None).await?;
    let mut steps = Vec::new();
    if form.kind == "oidc" {
        let id = match reserved_id(app, principal, &form.ticket).await? {
            Some(id) => id,
            None => ids::new_id(app.kernel.clock.now()),
        };
        steps = presets::steps(form.preset(), &RpEndpoints::of(&app.kernel.urls, &id));
        form.ticket = sealed_state::issue(&app.kernel, &reservation(principal), id, RESERVATION_LIFETIME)?;
    }
    Ok(NewConnectionPage { shell, form, steps, error })
}

/// The fields of a form with metadata in it. A chosen file wins over pasted text.
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

/// A field of such a form; the first of its name counts.
fn field(fields: &[(String, String)], name: &str) -> String {
    fields.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone()).unwrap_or_default()
}

pub(super) async fn create(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    multipart: Multipart,
) -> Result<Response, Error> {
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
        // What its product is known to send.
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
        wanted.reserved_id = reserved_id(&app, &principal, &form.ticket).await?;
        wanted.preset = Some(form.preset());
        wanted.issuer = Some(form.issuer.clone()).filter(|issuer| !issuer.is_empty());
        wanted.client_id = Some(form.client_id.clone());
        wanted.client_secret = Some(form.client_secret.clone());
        wanted.email_domains = Some(split_list(&form.email_domains));
    }
    match admin::create_connection(&app, &principal, &request, wanted).await {
        Ok(made) => {
            let notice = if made.kind() == Some(ConnectionKind::Scim) {
                "directory_created"
            } else {
                "connection_created"
            };
            Ok(Redirect::to(&format!("/console/connections/{}?notice={notice}", made.id)).into_response())
        }
        Err(error) => {
            let page = new_page(&app, &principal, form, Some(error.for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

/// What the page shows beside the connection itself.
#[derive(Default)]
struct ConnectionPageExtras<'a> {
    notice: Option<&'a str>,
    /// Whose steps are shown.
    vendor: Option<&'a str>,
    secret: Option<String>,
    error: Option<String>,
}

impl ConnectionPageExtras<'_> {
    fn status(&self) -> StatusCode {
        if self.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }
}

async fn render(
    app: &AppState,
    principal: &Principal,
    id: &str,
    extras: ConnectionPageExtras<'_>,
) -> Result<Response, Error> {
    let shell = Shell::build(app, principal, "connections", extras.notice).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = admin::find_connection(&mut c, principal, id).await?;
    match connection.typed()? {
        TypedConnection::Saml(connection) => saml::page(app, &mut c, shell, connection, extras).await,
        TypedConnection::Oidc(connection) => oidc::page(app, &mut c, shell, connection, extras).await,
        TypedConnection::Ldap(connection) => ldap::page(&mut c, shell, connection, extras).await,
        TypedConnection::Scim(connection) => scim::page(app, &mut c, shell, connection, extras).await,
    }
}

pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, Error> {
    let (notice, vendor) = (query.notice.as_deref(), query.at.as_deref());
    render(&app, &principal, &id, ConnectionPageExtras { notice, vendor, ..ConnectionPageExtras::default() })
        .await
}

#[derive(Deserialize)]
pub(super) struct ShowQuery {
    notice: Option<String>,
    /// Whose steps are shown.
    at: Option<String>,
}

/// Back to the page, which says that it was done, or why not.
async fn redirect_or_rerender(
    app: &AppState,
    principal: &Principal,
    id: &str,
    notice: &str,
    done: Result<(), Error>,
) -> Result<Response, Error> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/console/connections/{id}?notice={notice}")).into_response()),
        Err(error) => {
            let error = Some(error.for_form()?);
            render(app, principal, id, ConnectionPageExtras { error, ..ConnectionPageExtras::default() })
                .await
        }
    }
}

#[derive(Deserialize)]
pub(super) struct EnabledForm {
    enabled: bool,
    override_untested: Option<String>,
}

pub(super) async fn set_enabled(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<EnabledForm>,
) -> Result<Response, Error> {
    let wanted = ConnectionFields {
        enabled: Some(form.enabled),
        override_untested: form.override_untested.is_some(),
        ..ConnectionFields::default()
    };
    let done = admin::change_connection(&app, &principal, &request, &id, wanted).await.map(drop);
    redirect_or_rerender(&app, &principal, &id, "connection_saved", done).await
}

pub(super) async fn delete(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    match admin::delete_connection(&app, &principal, &request, &id).await {
        Ok(()) => Ok(Redirect::to("/console/connections?notice=connection_deleted").into_response()),
        failed => redirect_or_rerender(&app, &principal, &id, "", failed).await,
    }
}
