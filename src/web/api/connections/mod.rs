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
use crate::directory::domains;
use crate::idp::connections::{
    self, Connection, ConnectionKind, ExtraAttribute, ScimConnection, TypedConnection,
};
use crate::kernel::{self, Timestamp};
use crate::provisioning::scim;
use crate::web::{AppState, AuthenticatedRequest, Error};

use ldap::LdapBody;
use oidc::OidcBody;
use saml::SamlBody;

/// A connection to an identity provider. The settings are in `saml`, `oidc`, `ldap` or `scim`, depending on
/// its kind; all four are missing if this version of the server cannot read the settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectionBody {
    /// The connection's ID.
    id: String,
    /// The protocol.
    #[schema(value_type = ConnectionKind)]
    kind: String,
    /// The name, unique in the account.
    name: String,
    /// Whether the connection is enabled.
    enabled: bool,
    /// Whether it is the default connection, for users whose email domain has no connection.
    is_default: bool,
    /// The display order on the sign-in page; 1 is first.
    position: i64,
    /// The email domains whose users sign in with this connection, as far as the account has verified them.
    email_domains: Vec<String>,
    /// For SAML: the settings, and the values to enter at the identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    saml: Option<SamlBody>,
    /// For OpenID Connect and OAuth: the settings, and the values to enter at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    oidc: Option<OidcBody>,
    /// For LDAP: the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    ldap: Option<LdapBody>,
    /// When a test of the current settings last passed; `null` if none has.
    #[schema(value_type = Option<String>, format = DateTime)]
    tested_at: Option<Timestamp>,
    /// For SCIM: the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    scim: Option<ScimBody>,
    /// For SCIM: the base URL to enter at the identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_base_url: Option<String>,
    /// When the connection was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the connection was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// The settings of a SCIM connection.
#[derive(Debug, Serialize, ToSchema)]
struct ScimBody {
    /// Whether the connection is in a dry run: changes are held for approval.
    dry_run: bool,
    /// Whether the request log contains the changed values, not only the attribute names.
    log_values: bool,
    /// The number of days that the request log is kept.
    log_days: u32,
    /// The deprovisioning limit: the percentage of users that may lose access within an hour before the
    /// connection is paused. 0 means no limit.
    removal_limit: u32,
    /// The rate limit of each node, in requests per second.
    requests_per_second: u32,
    /// The custom attributes of users.
    extra_attributes: Vec<ExtraAttribute>,
    /// Since when the connection is paused because the deprovisioning limit was exceeded; `null` if it is not
    /// paused.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_at: Option<Timestamp>,
    /// The number of pending changes.
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
    let listed = domains::domains_of(c, &connection.account_id, &connection.id).await?;
    let scim_base_url = scim.as_ref().map(|_| app.kernel.urls.absolute("/scim/v2"));
    Ok(ConnectionBody {
        kind: connection.stored_kind().to_owned(),
        enabled: connection.is_enabled(),
        is_default: connection.is_default(),
        position: connection.position,
        tested_at: connection.tested_at,
        email_domains: listed.into_iter().map(|listed| listed.domain).collect(),
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

/// List connections
#[utoipa::path(
    get, operation_id = "list_connections", path = "/api/v1/connections", tag = "connections",
    params(Paging),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of connections", body = List<ConnectionBody>),
    ),
)]
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

/// Create a connection
///
/// An SSO connection is created disabled, so that you can test it first. A SCIM connection is created
/// enabled.
#[utoipa::path(
    post, operation_id = "create_connection", path = "/api/v1/connections", tag = "connections",
    request_body = ConnectionFields,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The connection was created", body = ConnectionBody),
        (status = 409, description = "Another connection has this name"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(wanted): Body<ConnectionFields>,
) -> Result<(StatusCode, Json<ConnectionBody>), Error> {
    let made = admin::connections::create(&request.admin(), wanted).await?;
    let body = connection_body(&request.app, &mut *request.app.kernel.db.read().await?, made).await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// Get a connection
#[utoipa::path(
    get, operation_id = "get_connection", path = "/api/v1/connections/{id}", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The connection", body = ConnectionBody),
        (status = 404, description = "No connection has this ID"),
    ),
)]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<ConnectionBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    Ok(Json(connection_body(&request.app, &mut c, connection).await?))
}

/// Update a connection
#[utoipa::path(
    patch, operation_id = "update_connection", path = "/api/v1/connections/{id}", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    request_body = ConnectionFields,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The updated connection", body = ConnectionBody),
        (status = 404, description = "No connection has this ID"),
        (status = 409, description = "Another connection has this name, no \
            test of the connection has passed, or its stored settings cannot be read"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn change(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(wanted): Body<ConnectionFields>,
) -> Result<Json<ConnectionBody>, Error> {
    let updated = admin::connections::change(&request.admin(), &id, wanted).await?;
    Ok(Json(connection_body(&request.app, &mut *request.app.kernel.db.read().await?, updated).await?))
}

/// Delete a connection
///
/// Its tokens stop working immediately. The users and groups that it managed are kept.
#[utoipa::path(
    delete, operation_id = "delete_connection", path = "/api/v1/connections/{id}", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The connection was deleted"),
        (status = 404, description = "No connection has this ID"),
        (status = 409, description = "Groups are linked to the connection"),
    ),
)]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::connections::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
