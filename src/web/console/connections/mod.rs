//! Connections to identity providers, with the values to paste on the other side.

mod advice;
mod provisioning;
mod saml;
mod scim;
pub(super) mod tests;
mod vendors;

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::page::{self, Shell, words};
use super::super::rules::ConnectionFields;
use super::super::{App, Error, rules};
use super::{ListQuery, text_fields};
use crate::access::Principal;
use crate::idp::connections::{self, Connection, Kind, Vendor};
use crate::kernel::http::RequestContext;

pub(super) use provisioning::{discard, let_through, requests, waiting};
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
    form: NewForm,
    error: Option<String>,
}

impl NewConnectionPage {
    /// What was typed, or the product's own name, which is as good as any.
    fn name(&self) -> &str {
        match self.form.vendor() {
            vendor if self.form.name.is_empty() && vendor != Vendor::Other => vendor.label(),
            _ => &self.form.name,
        }
    }
}

pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", query.notice.as_deref()).await?;
    let mut c = app.kernel.db.read().await?;
    let mut connections = connections::list(&mut c, &principal.account_id, ("", 200)).await?;
    connections.sort_by_key(|one| (one.kind() == Kind::Scim, !one.is_default(), one.position));
    page::render(&ConnectionsPage { shell, connections })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewForm {
    kind: String,
    vendor: String,
    name: String,
    metadata_xml: String,
    metadata_url: String,
    email_domains: String,
}

impl NewForm {
    fn vendor(&self) -> Vendor {
        Vendor::parse(&self.vendor)
    }

    fn guide(&self) -> vendors::Guide {
        vendors::guide(self.vendor())
    }
}

pub(super) async fn new(
    State(app): State<App>,
    principal: Principal,
    Query(form): Query<NewForm>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", None).await?;
    page::render(&NewConnectionPage { shell, form, error: None })
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
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
    multipart: Multipart,
) -> Result<Response, Error> {
    let fields = read_form(multipart).await?;
    let form = NewForm {
        kind: field(&fields, "kind"),
        vendor: field(&fields, "vendor"),
        name: field(&fields, "name"),
        metadata_xml: field(&fields, "metadata_xml"),
        metadata_url: field(&fields, "metadata_url"),
        email_domains: field(&fields, "email_domains"),
    };
    let mut wanted = ConnectionFields {
        kind: Some(if form.kind == "scim" { Kind::Scim } else { Kind::Saml }),
        name: Some(form.name.clone()),
        ..ConnectionFields::default()
    };
    if wanted.kind == Some(Kind::Saml) {
        wanted.vendor = Some(form.vendor());
        wanted.metadata_xml = Some(form.metadata_xml.clone());
        wanted.metadata_url = Some(form.metadata_url.clone());
        wanted.email_domains = Some(words(&form.email_domains));
        // What its product is known to send.
        wanted.group_attribute = vendors::guide(form.vendor()).group_attribute.map(str::to_owned);
    }
    match rules::create_connection(&app, &principal, &request, wanted).await {
        Ok(made) => {
            let notice = if made.kind() == Kind::Scim { "directory_created" } else { "connection_created" };
            Ok(Redirect::to(&format!("/console/connections/{}?notice={notice}", made.id)).into_response())
        }
        Err(error) => {
            let error = Some(error.for_form()?);
            let shell = Shell::build(&app, &principal, "connections", None).await?;
            page::render_again(StatusCode::UNPROCESSABLE_ENTITY, &NewConnectionPage { shell, form, error })
        }
    }
}

/// What the page shows beside the connection itself.
#[derive(Default)]
struct Shown<'a> {
    notice: Option<&'a str>,
    /// Whose steps are shown.
    vendor: Option<&'a str>,
    secret: Option<String>,
    error: Option<String>,
}

impl Shown<'_> {
    fn status(&self) -> StatusCode {
        if self.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }
}

async fn render(app: &App, principal: &Principal, id: &str, shown: Shown<'_>) -> Result<Response, Error> {
    let shell = Shell::build(app, principal, "connections", shown.notice).await?;
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, principal, id).await?;
    if let Some(settings) = connection.saml() {
        return saml::page(app, &mut c, (shell, connection, settings), shown).await;
    }
    let settings = connection.scim().unwrap_or_default();
    scim::page(app, &mut c, (shell, connection, settings), shown).await
}

pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, Error> {
    let (notice, vendor) = (query.notice.as_deref(), query.at.as_deref());
    render(&app, &principal, &id, Shown { notice, vendor, ..Shown::default() }).await
}

#[derive(Deserialize)]
pub(super) struct ShowQuery {
    notice: Option<String>,
    /// Whose steps are shown.
    at: Option<String>,
}

/// Back to the page, which says that it was done, or why not.
async fn back(
    app: &App,
    principal: &Principal,
    (id, notice): (&str, &str),
    done: Result<(), Error>,
) -> Result<Response, Error> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/console/connections/{id}?notice={notice}")).into_response()),
        Err(error) => {
            let error = Some(error.for_form()?);
            render(app, principal, id, Shown { error, ..Shown::default() }).await
        }
    }
}

#[derive(Deserialize)]
pub(super) struct EnabledForm {
    enabled: bool,
    override_untested: Option<String>,
}

pub(super) async fn set_enabled(
    State(app): State<App>,
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
    let done = rules::change_connection(&app, &principal, &request, &id, wanted).await.map(drop);
    back(&app, &principal, (&id, "connection_saved"), done).await
}

pub(super) async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    match rules::delete_connection(&app, &principal, &request, &id).await {
        Ok(()) => Ok(Redirect::to("/console/connections?notice=connection_deleted").into_response()),
        failed => back(&app, &principal, (&id, ""), failed).await,
    }
}
