//! Connections to identity providers.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{App, Error, rules};
use super::tokens::MadeToken;
use super::{Body, List, Paging};
use crate::access::Principal;
use crate::access::tokens::{self, Token};
use crate::idp::connections::{self, Change, Connection, Jit, Kind, NewConnection, SamlSettings};
use crate::idp::saml::trial::{self, Found};
use crate::idp::saml::{self, Addresses, Source};
use crate::kernel::http::RequestContext;
use crate::kernel::{self, Timestamp, ids};
use crate::provisioning;

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectionBody {
    /// Its id.
    id: String,
    /// Its protocol.
    kind: Kind,
    /// Its name.
    name: String,
    /// Whether it is switched on.
    enabled: bool,
    /// Domains whose addresses sign in here.
    email_domains: Vec<String>,
    /// For SAML: what the two sides know of each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    saml: Option<SamlBody>,
    /// When a test of it as it is now succeeded.
    #[schema(value_type = Option<String>, format = DateTime)]
    tested_at: Option<Timestamp>,
    /// For SCIM: the base URL for the identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_base_url: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// Both sides of a SAML connection.
#[derive(Debug, Serialize, ToSchema)]
struct SamlBody {
    idp_entity_id: String,
    sso_url: String,
    certificates: Vec<String>,
    metadata_url: Option<String>,
    sign_requests: bool,
    email_attribute: Option<String>,
    allow_idp_initiated: bool,
    jit: Jit,
    trust_mfa: bool,
    /// Ours: entity id, metadata, assertion consumer service, start of a sign-in.
    sp_entity_id: String,
    sp_metadata_url: String,
    acs_url: String,
    login_url: String,
}

/// A connection to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectionRequest {
    kind: Kind,
    name: String,
    /// SAML: the identity provider's metadata …
    metadata_xml: Option<String>,
    /// … or where it is.
    metadata_url: Option<String>,
    /// Domains whose addresses sign in here.
    #[serde(default)]
    email_domains: Vec<String>,
    sp_entity_id: Option<String>,
    #[serde(default)]
    sign_requests: bool,
    email_attribute: Option<String>,
    #[serde(default)]
    allow_idp_initiated: bool,
    #[serde(default)]
    jit: Jit,
    /// Whether the identity provider's word for a second factor counts here.
    #[serde(default)]
    trust_mfa: bool,
}

/// What to change; members not given stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectionChange {
    name: Option<String>,
    enabled: Option<bool>,
    /// Switch on although nobody signed in through it yet.
    #[serde(default)]
    override_untested: bool,
    metadata_xml: Option<String>,
    metadata_url: Option<String>,
    email_domains: Option<Vec<String>>,
    sp_entity_id: Option<String>,
    sign_requests: Option<bool>,
    email_attribute: Option<String>,
    allow_idp_initiated: Option<bool>,
    jit: Option<Jit>,
    trust_mfa: Option<bool>,
}

/// A provisioning token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScimTokenRequest {
    /// What you call it.
    name: Option<String>,
    /// RFC 3339.
    expires_at: Option<String>,
}

async fn body(
    app: &App,
    c: &mut kernel::database::Connection,
    connection: Connection,
) -> Result<ConnectionBody, Error> {
    let urls = &app.kernel.urls;
    let saml = connection.saml().map(|settings| {
        let ours = Addresses::of(urls, &connection.id, &settings);
        SamlBody {
            idp_entity_id: settings.idp_entity_id,
            sso_url: settings.sso_url,
            certificates: settings.certificates,
            metadata_url: settings.metadata_url,
            sign_requests: settings.sign_requests,
            email_attribute: settings.email_attribute,
            allow_idp_initiated: settings.allow_idp_initiated,
            jit: settings.jit,
            trust_mfa: settings.trust_mfa,
            sp_entity_id: ours.entity_id,
            sp_metadata_url: ours.metadata,
            acs_url: ours.acs,
            login_url: ours.login,
        }
    });
    let scim_base_url = (connection.kind() == Kind::Scim).then(|| urls.absolute("/scim/v2"));
    Ok(ConnectionBody {
        kind: connection.kind(),
        enabled: connection.is_enabled(),
        tested_at: connection.tested_at,
        email_domains: connections::domains_of(c, &connection.id).await?,
        saml,
        scim_base_url,
        id: connection.id,
        name: connection.name,
        created_at: connection.created_at,
        updated_at: connection.updated_at,
    })
}

/// Lists connections.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections", params(Paging), security(("bearer" = [])),
    responses((status = 200, body = List<ConnectionBody>)))]
pub(super) async fn list(
    State(app): State<App>,
    principal: Principal,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ConnectionBody>>, Error> {
    let mut c = app.kernel.db.read().await?;
    let limit = paging.limit();
    let rows = connections::list(&mut c, &principal.account_id, (paging.after(), limit + 1)).await?;
    let page = List::of(rows, limit, |connection| connection.id.clone(), |connection| connection);
    let mut items = Vec::new();
    for connection in page.items {
        items.push(body(&app, &mut c, connection).await?);
    }
    Ok(Json(List { items, next: page.next }))
}

/// Makes a connection. SAML begins switched off.
#[utoipa::path(post, path = "/api/v1/connections", tag = "connections", request_body = ConnectionRequest,
    security(("bearer" = [])), responses((status = 201, body = ConnectionBody), (status = 409), (status = 422)))]
pub(super) async fn create(
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
    Body(wanted): Body<ConnectionRequest>,
) -> Result<(StatusCode, Json<ConnectionBody>), Error> {
    let new = match wanted.kind {
        Kind::Scim => NewConnection::scim(ids::new_id(app.kernel.clock.now()), &wanted.name),
        Kind::Saml => {
            let source =
                rules::metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
            let source =
                source.ok_or_else(|| Error::invalid("metadata_xml", "or metadata_url is required"))?;
            let settings = SamlSettings {
                sp_entity_id: wanted.sp_entity_id,
                sign_requests: wanted.sign_requests,
                email_attribute: wanted.email_attribute,
                allow_idp_initiated: wanted.allow_idp_initiated,
                jit: wanted.jit,
                trust_mfa: wanted.trust_mfa,
                ..SamlSettings::default()
            };
            saml::prepare(&app.kernel, &wanted.name, &source, settings).await.map_err(rules::load_error)?
        }
    };
    let new = NewConnection { domains: wanted.email_domains, ..new };
    let mut tx = app.kernel.db.begin().await?;
    let made = connections::create(&mut tx, &principal.context(&request), new).await?;
    let body = body(&app, &mut tx, made).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Shows a connection.
#[utoipa::path(get, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = ConnectionBody), (status = 404)))]
pub(super) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<ConnectionBody>, Error> {
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, &principal, &id).await?;
    Ok(Json(body(&app, &mut c, connection).await?))
}

/// Changes a connection.
#[utoipa::path(patch, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path,)),
    request_body = ConnectionChange, security(("bearer" = [])),
    responses((status = 200, body = ConnectionBody), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn change(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Body(wanted): Body<ConnectionChange>,
) -> Result<Json<ConnectionBody>, Error> {
    let source = rules::metadata_source(wanted.metadata_xml.as_deref(), wanted.metadata_url.as_deref())?;
    // Metadata is fetched before the unit of work begins.
    let metadata = match &source {
        Some(source) => Some(saml::load(&app.kernel, source).await.map_err(rules::load_error)?),
        None => None,
    };
    let mut tx = app.kernel.db.begin().await?;
    let connection = rules::find_connection(&mut tx, &principal, &id).await?;
    let saml = connection.saml().map(|mut settings| {
        if let Some(metadata) = metadata {
            settings.idp_entity_id = metadata.entity_id;
            settings.sso_url = metadata.sso_url;
            settings.certificates = metadata.certificates;
            settings.metadata_url = match &source {
                Some(Source::Url(url)) => Some(url.to_string()),
                _ => None,
            };
        }
        settings.sp_entity_id = wanted.sp_entity_id.or(settings.sp_entity_id).filter(|id| !id.is_empty());
        settings.email_attribute =
            wanted.email_attribute.or(settings.email_attribute).filter(|a| !a.is_empty());
        settings.trust_mfa = wanted.trust_mfa.unwrap_or(settings.trust_mfa);
        settings.sign_requests = wanted.sign_requests.unwrap_or(settings.sign_requests);
        settings.allow_idp_initiated = wanted.allow_idp_initiated.unwrap_or(settings.allow_idp_initiated);
        settings.jit = wanted.jit.unwrap_or(settings.jit);
        settings
    });
    let change = Change {
        name: wanted.name,
        enabled: wanted.enabled,
        override_untested: wanted.override_untested,
        saml,
        domains: wanted.email_domains,
    };
    let updated = connections::update(&mut tx, &principal.context(&request), &connection, change).await?;
    let body = body(&app, &mut tx, updated).await?;
    tx.commit().await?;
    Ok(Json(body))
}

/// Deletes a connection. Users and groups it managed stay.
#[utoipa::path(delete, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404)))]
pub(super) async fn delete(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<StatusCode, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let connection = rules::find_connection(&mut tx, &principal, &id).await?;
    connections::delete(&mut tx, &principal.context(&request), &connection).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the provisioning tokens of a SCIM connection.
#[utoipa::path(get, path = "/api/v1/connections/{id}/tokens", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = List<Token>), (status = 404)))]
pub(super) async fn list_tokens(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<List<Token>>, Error> {
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, &principal, &id).await?;
    let items = tokens::of_connection(&mut c, &principal.account_id, &connection.id).await?;
    Ok(Json(List { items, next: None }))
}

/// Makes a provisioning token for a SCIM connection.
#[utoipa::path(post, path = "/api/v1/connections/{id}/tokens", tag = "connections", params(("id" = String, Path,)),
    request_body = ScimTokenRequest, security(("bearer" = [])),
    responses((status = 201, body = MadeToken), (status = 404), (status = 422)))]
pub(super) async fn create_token(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Body(new): Body<ScimTokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>), Error> {
    let expires_at = rules::read_expiry(new.expires_at.as_deref())?;
    let mut tx = app.kernel.db.begin().await?;
    let connection = rules::find_connection(&mut tx, &principal, &id).await?;
    let name = new.name.unwrap_or_else(|| connection.name.clone());
    let context = principal.context(&request);
    let (details, token) =
        provisioning::create_token(&mut tx, &context, &connection, &name, expires_at).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(MadeToken { details, token })))
}

/// A test that was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BegunTest {
    /// Its id.
    id: String,
    /// Where a person has to sign in, in a browser, within fifteen minutes.
    url: String,
}

/// Begins a test of a SAML connection. It may be switched off, and nobody is signed in by it.
#[utoipa::path(post, path = "/api/v1/connections/{id}/tests", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 201, body = BegunTest), (status = 404), (status = 422)))]
pub(super) async fn begin_test(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<BegunTest>), Error> {
    let (id, url) = rules::begin_trial(&app, &principal, &id).await?;
    Ok((StatusCode::CREATED, Json(BegunTest { id, url })))
}

/// A test and what it found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestBody {
    /// Its id.
    id: String,
    /// `waiting`, `passed` or `failed`.
    status: &'static str,
    /// What was found; null while the identity provider has not answered.
    found: Option<Found>,
}

/// Shows a test of the last day.
#[utoipa::path(get, path = "/api/v1/connections/{id}/tests/{test}", tag = "connections",
    params(("id" = String, Path,), ("test" = String, Path,)), security(("bearer" = [])),
    responses((status = 200, body = TestBody), (status = 404)))]
pub(super) async fn show_test(
    State(app): State<App>,
    principal: Principal,
    Path((id, test)): Path<(String, String)>,
) -> Result<Json<TestBody>, Error> {
    let mut c = app.kernel.db.read().await?;
    let connection = rules::find_connection(&mut c, &principal, &id).await?;
    let trial = trial::by_id(&mut c, &connection.id, &test).await?;
    let trial = trial.ok_or_else(|| Error::not_found("test"))?;
    let found = trial.found();
    let status = found.as_ref().map_or("waiting", |found| if found.passed { "passed" } else { "failed" });
    Ok(Json(TestBody { id: trial.id, status, found }))
}
