//! Connections to identity providers.

mod attribute_mapping;
pub(super) mod connection_tests;
mod ldap;
mod oidc;
pub(super) mod pending_changes;
pub(super) mod requests;
pub(super) mod saml;
pub(super) mod syncs;
pub(super) mod tokens;

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Body, List, Paging};
use crate::admin;
use crate::admin::connections::ConnectionFields;
use crate::idp::connections::{
    self, Connection, ConnectionKind, ExtraAttribute, ScimConnection, TypedConnection,
};
use crate::kernel::{self, Timestamp};
use crate::provisioning::scim;
use crate::web::{AppState, AuthenticatedRequest, Error};

use ldap::LdapBody;
use oidc::OidcBody;
use saml::SamlBody;

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectionBody {
    /// Its id.
    id: String,
    /// Its protocol.
    #[schema(value_type = ConnectionKind)]
    kind: String,
    /// Its name.
    name: String,
    /// Whether it is switched on.
    enabled: bool,
    /// Whether people are sent here whose domain leads nowhere else.
    is_default: bool,
    /// Its place on the sign-in page, from the top.
    position: i64,
    /// Domains whose addresses sign in here.
    email_domains: Vec<String>,
    /// For SAML: what the two sides know of each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    saml: Option<SamlBody>,
    /// For OIDC: what was agreed with the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<OidcBody>,
    /// For LDAP: how the directory is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    ldap: Option<LdapBody>,
    /// When a test of it as it is now succeeded.
    #[schema(value_type = Option<String>, format = DateTime)]
    tested_at: Option<Timestamp>,
    /// For SCIM: how it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    scim: Option<ScimBody>,
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

/// How a directory connection works.
#[derive(Debug, Serialize, ToSchema)]
struct ScimBody {
    /// Whether changes are only tried, and wait for an administrator.
    dry_run: bool,
    /// Whether the log of requests keeps the values that changed.
    log_values: bool,
    /// For how many days the log is kept.
    log_days: u32,
    /// How many in a hundred users may lose access within an hour; 0 for any number.
    removal_limit: u32,
    /// Requests a second that are answered.
    requests_per_second: u32,
    /// Attributes of users beside the standard ones.
    extra_attributes: Vec<ExtraAttribute>,
    /// Since when no changes are taken, because too many people would lose access.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_at: Option<Timestamp>,
    /// How many changes wait for an administrator.
    waiting: i64,
}

impl ScimBody {
    async fn read(c: &mut kernel::database::DbConn, connection: &ScimConnection) -> Result<Self, Error> {
        let settings = &connection.settings;
        Ok(Self {
            dry_run: settings.dry_run,
            log_values: settings.log_values,
            log_days: settings.log_days,
            removal_limit: settings.removal_limit,
            requests_per_second: settings.requests_per_second,
            extra_attributes: settings.extra_attributes.clone(),
            paused_at: connection.paused_at,
            waiting: scim::pending_changes::count(c, &connection.account_id, &connection.id).await?,
        })
    }
}

async fn connection_body(
    app: &AppState,
    c: &mut kernel::database::DbConn,
    connection: Connection,
) -> Result<ConnectionBody, Error> {
    let (mut saml, mut oidc, mut ldap, mut scim) = (None, None, None, None);
    // A connection that cannot be read is listed with its stored kind only, so that it can be found and
    // deleted.
    match connection.clone().typed() {
        Ok(TypedConnection::Saml(connection)) => saml = Some(SamlBody::read(app, c, &connection).await?),
        Ok(TypedConnection::Oidc(connection)) => oidc = Some(OidcBody::read(app, c, &connection).await?),
        Ok(TypedConnection::Ldap(connection)) => ldap = Some(LdapBody::read(c, &connection).await?),
        Ok(TypedConnection::Scim(connection)) => scim = Some(ScimBody::read(c, &connection).await?),
        Err(_) => {}
    }
    let scim_base_url = scim.as_ref().map(|_| app.kernel.urls.absolute("/scim/v2"));
    Ok(ConnectionBody {
        kind: connection.stored_kind().to_owned(),
        enabled: connection.is_enabled(),
        is_default: connection.is_default(),
        position: connection.position,
        tested_at: connection.tested_at,
        email_domains: connections::domains_of(c, &connection.id).await?,
        saml,
        oidc,
        ldap,
        scim,
        scim_base_url,
        id: connection.id.into(),
        name: connection.name,
        created_at: connection.created_at,
        updated_at: connection.updated_at,
    })
}

/// Lists connections.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections", params(Paging), security(("bearer" = [])),
    responses((status = 200, body = List<ConnectionBody>)))]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ConnectionBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let limit = paging.limit();
    let rows = connections::list(&mut c, &request.principal.account_id, paging.after(), limit + 1).await?;
    let page = List::of(rows, limit, |connection| &connection.id, |connection| connection);
    let mut items = Vec::new();
    for connection in page.items {
        items.push(connection_body(&request.app, &mut c, connection).await?);
    }
    Ok(Json(List { items, next: page.next }))
}

/// Makes a connection. One that people sign in with begins switched off.
#[utoipa::path(post, path = "/api/v1/connections", tag = "connections", request_body = ConnectionFields,
    security(("bearer" = [])), responses((status = 201, body = ConnectionBody), (status = 409), (status = 422)))]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(wanted): Body<ConnectionFields>,
) -> Result<(StatusCode, Json<ConnectionBody>), Error> {
    let made = admin::connections::create(&request.admin(), wanted).await?;
    let body = connection_body(&request.app, &mut *request.app.kernel.db.read().await?, made).await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Shows a connection.
#[utoipa::path(get, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = ConnectionBody), (status = 404)))]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<ConnectionBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    Ok(Json(connection_body(&request.app, &mut c, connection).await?))
}

/// Changes a connection.
#[utoipa::path(patch, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path,)),
    request_body = ConnectionFields, security(("bearer" = [])),
    responses((status = 200, body = ConnectionBody), (status = 404), (status = 409), (status = 422)))]
pub(super) async fn change(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(wanted): Body<ConnectionFields>,
) -> Result<Json<ConnectionBody>, Error> {
    let updated = admin::connections::change(&request.admin(), &id, wanted).await?;
    Ok(Json(connection_body(&request.app, &mut *request.app.kernel.db.read().await?, updated).await?))
}

/// Deletes a connection. Users and groups it managed stay.
#[utoipa::path(delete, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404)))]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::connections::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
