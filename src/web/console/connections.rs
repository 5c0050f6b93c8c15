//! Connections to identity providers, with the values to paste on the other side.

use askama::Template;
use axum::Form;
use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::page::{self, Shell, filled, words};
use super::super::{App, Error, rules};
use super::ListQuery;
use crate::access::Principal;
use crate::access::tokens::{self, Token};
use crate::directory::{groups, users};
use crate::idp::connections::{self, Change, Connection, Kind, NewConnection, SamlSettings};
use crate::idp::saml::{self, Addresses};
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, ids};
use crate::provisioning;

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

#[derive(Template)]
#[template(path = "console/connection_saml.html")]
struct SamlPage {
    shell: Shell,
    connection: Connection,
    settings: SamlSettings,
    ours: Addresses,
    domains: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/connection_scim.html")]
struct ScimPage {
    shell: Shell,
    connection: Connection,
    base_url: String,
    tokens: Vec<Token>,
    now: Timestamp,
    users: i64,
    groups: i64,
    secret: Option<String>,
    error: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", query.notice.as_deref()).await?;
    let mut c = app.kernel.db.read().await?;
    let connections = connections::list(&mut c, &principal.account_id, ("", 200)).await?;
    page::render(&ConnectionsPage { shell, connections })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewForm {
    kind: String,
    name: String,
    metadata_xml: String,
    metadata_url: String,
    email_domains: String,
}

pub(super) async fn new(
    State(app): State<App>,
    principal: Principal,
    Query(form): Query<NewForm>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "connections", None).await?;
    page::render(&NewConnectionPage { shell, form, error: None })
}

/// Reads the form with its file. A chosen file wins over pasted text.
async fn read_form(mut multipart: Multipart) -> Result<NewForm, Error> {
    let mut form = NewForm::default();
    let unreadable = |_| Error::invalid("Form", "could not be read, or the file is larger than 1 MiB");
    while let Some(field) = multipart.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unreadable)?;
        if name == "metadata_file" && bytes.is_empty() {
            continue;
        }
        let text =
            String::from_utf8(bytes.to_vec()).map_err(|_| Error::invalid("Metadata", "is not UTF-8 text"))?;
        match name.as_str() {
            "kind" => form.kind = text,
            "name" => form.name = text,
            "metadata_xml" if form.metadata_xml.is_empty() => form.metadata_xml = text,
            "metadata_file" => form.metadata_xml = text,
            "metadata_url" => form.metadata_url = text,
            "email_domains" => form.email_domains = text,
            _ => {}
        }
    }
    Ok(form)
}

pub(super) async fn create(
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
    multipart: Multipart,
) -> Result<Response, Error> {
    let form = read_form(multipart).await?;
    match try_create(&app, &principal, &request, &form).await {
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

async fn try_create(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    form: &NewForm,
) -> Result<Connection, Error> {
    let new = if form.kind == "scim" {
        NewConnection::scim(ids::new_id(app.kernel.clock.now()), &form.name)
    } else {
        let source = rules::metadata_source(Some(&form.metadata_xml), Some(&form.metadata_url))?;
        let source = source.ok_or_else(|| {
            Error::invalid(
                "Metadata",
                "choose the file, paste the text, or give the address your identity provider shows",
            )
        })?;
        let prepared = saml::prepare(&app.kernel, &form.name, &source, SamlSettings::default());
        prepared.await.map_err(rules::load_error)?
    };
    let new = NewConnection { domains: words(&form.email_domains), ..new };
    let mut tx = app.kernel.db.begin().await?;
    let made = connections::create(&mut tx, &principal.context(request), new).await?;
    tx.commit().await?;
    Ok(made)
}

/// What the page shows beside the connection itself.
#[derive(Default)]
struct Shown<'a> {
    notice: Option<&'a str>,
    secret: Option<String>,
    error: Option<String>,
}

async fn render(app: &App, principal: &Principal, id: &str, shown: Shown<'_>) -> Result<Response, Error> {
    let shell = Shell::build(app, principal, "connections", shown.notice).await?;
    let status = if shown.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, principal, id).await?;
    let Some(settings) = connection.saml() else {
        let managed_users = [users::Match::Connection(connection.id.clone())];
        let managed_groups = [groups::Match::Connection(connection.id.clone())];
        let page = ScimPage {
            shell,
            base_url: app.kernel.urls.absolute("/scim/v2"),
            tokens: tokens::of_connection(&mut c, &principal.account_id, &connection.id).await?,
            now: app.kernel.clock.now(),
            users: users::count(&mut c, &principal.account_id, &managed_users).await?,
            groups: groups::count(&mut c, &principal.account_id, &managed_groups).await?,
            connection,
            secret: shown.secret,
            error: shown.error,
        };
        return page::render_again(status, &page);
    };
    let domains = connections::domains_of(&mut c, &connection.id).await?.join(", ");
    let ours = Addresses::of(&app.kernel.urls, &connection.id, &settings);
    page::render_again(status, &SamlPage { shell, connection, settings, ours, domains, error: shown.error })
}

pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Response, Error> {
    render(&app, &principal, &id, Shown { notice: query.notice.as_deref(), ..Shown::default() }).await
}

async fn back(
    app: &App,
    principal: &Principal,
    id: &str,
    done: Result<(), Error>,
) -> Result<Response, Error> {
    match done {
        Ok(()) => {
            Ok(Redirect::to(&format!("/console/connections/{id}?notice=connection_saved")).into_response())
        }
        Err(error) => {
            let error = Some(error.for_form()?);
            render(app, principal, id, Shown { error, ..Shown::default() }).await
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SamlForm {
    name: String,
    email_domains: String,
    email_attribute: String,
    metadata_xml: String,
    metadata_url: String,
    sign_requests: Option<String>,
    allow_idp_initiated: Option<String>,
    jit: Option<String>,
    trust_mfa: Option<String>,
}

pub(super) async fn save(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<SamlForm>,
) -> Result<Response, Error> {
    let done = try_save(&app, &principal, &request, &id, form).await;
    back(&app, &principal, &id, done).await
}

async fn try_save(
    app: &App,
    principal: &Principal,
    request: &RequestContext,
    id: &str,
    form: SamlForm,
) -> Result<(), Error> {
    let source = rules::metadata_source(Some(&form.metadata_xml), Some(&form.metadata_url))?;
    let metadata = match &source {
        Some(source) => Some(saml::load(&app.kernel, source).await.map_err(rules::load_error)?),
        None => None,
    };
    let mut tx = app.kernel.db.begin().await?;
    let connection = rules::find_connection(&mut tx, principal, id).await?;
    let saml = connection.saml().map(|mut settings| {
        if let Some(metadata) = metadata {
            settings.idp_entity_id = metadata.entity_id;
            settings.sso_url = metadata.sso_url;
            settings.certificates = metadata.certificates;
            settings.metadata_url = filled(&form.metadata_url);
        }
        settings.email_attribute = filled(&form.email_attribute);
        settings.trust_mfa = form.trust_mfa.is_some();
        settings.sign_requests = form.sign_requests.is_some();
        settings.allow_idp_initiated = form.allow_idp_initiated.is_some();
        settings.jit.enabled = form.jit.is_some();
        settings
    });
    let domains = Some(words(&form.email_domains));
    let change = Change { name: filled(&form.name), saml, domains, ..Change::default() };
    connections::update(&mut tx, &principal.context(request), &connection, change).await?;
    tx.commit().await?;
    Ok(())
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
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let connection = rules::find_connection(&mut tx, &principal, &id).await?;
        let override_untested = form.override_untested.is_some();
        let change = Change { enabled: Some(form.enabled), override_untested, ..Change::default() };
        connections::update(&mut tx, &principal.context(&request), &connection, change).await?;
        tx.commit().await?;
        Ok(())
    };
    let done = done.await;
    back(&app, &principal, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct TokenForm {
    #[serde(default)]
    name: String,
}

/// Shows the secret on the answer itself: it exists nowhere else, so it cannot survive a redirect.
pub(super) async fn create_token(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<TokenForm>,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let connection = rules::find_connection(&mut tx, &principal, &id).await?;
        let name = filled(&form.name).unwrap_or_else(|| connection.name.clone());
        let context = principal.context(&request);
        let (_, secret) = provisioning::create_token(&mut tx, &context, &connection, &name, None).await?;
        tx.commit().await?;
        Ok::<_, Error>(secret)
    };
    match done.await {
        Ok(secret) => render(&app, &principal, &id, Shown { secret: Some(secret), ..Shown::default() }).await,
        Err(error) => back(&app, &principal, &id, Err(error)).await,
    }
}

#[derive(Deserialize)]
pub(super) struct RevokeForm {
    token: String,
}

pub(super) async fn revoke_token(
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

pub(super) async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let connection = rules::find_connection(&mut tx, &principal, &id).await?;
    connections::delete(&mut tx, &principal.context(&request), &connection).await?;
    tx.commit().await?;
    Ok(Redirect::to("/console/connections?notice=connection_deleted").into_response())
}
