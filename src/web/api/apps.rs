//! Applications, and the keys that sign what they are told.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Body, DocumentedRoutes, List, Paging};
use crate::access::{Guard, Permission as P};
use crate::admin;
use crate::apps::signing_keys::{self, SigningKey};
use crate::apps::{self, Application, ApplicationKind, ApplicationUpdate, NewApplication};
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::web::{AuthenticatedRequest, Error};

/// The routes of this resource.
pub(super) fn add_routes(api: &mut DocumentedRoutes) {
    let may = Guard::Requires;
    api.add(may(P::AppsView), routes!(list));
    api.add(may(P::AppsEdit), routes!(create));
    api.add(may(P::AppsView), routes!(show));
    api.add(may(P::AppsEdit), routes!(change));
    api.add(may(P::AppsEdit), routes!(delete));
    api.add(may(P::AppsView), routes!(list_keys));
    api.add(may(P::AppsEdit), routes!(rotate_keys));
}

/// An application.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AppBody {
    /// The application's ID.
    id: String,
    /// `forward_auth`: a reverse proxy asks for each request.
    kind: &'static str,
    /// The name.
    name: String,
    /// The hosts of the application, with the port if it is not the default.
    hosts: Vec<String>,
    /// The hosts of the list that have no effect: another account of this server has verified their domain. Forward
    /// auth does not answer for them. Remove them from the application.
    ineffective_hosts: Vec<String>,
    /// The IDs of the groups whose members have access; `null` if all users of the account have access.
    groups: Option<Vec<String>>,
    /// Whether API tokens that were generated for this application are accepted.
    allow_tokens: bool,
    /// The URL that the reverse proxy requests.
    forward_auth_url: String,
    /// When the application was registered.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the application was last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl AppBody {
    fn of(request: &AuthenticatedRequest, app: Application) -> Self {
        let forward_auth_url = app.forward_auth_url(&request.app.kernel.urls);
        let hosts = app.registered_hosts();
        Self {
            id: app.id,
            kind: app.kind.as_str(),
            name: app.name,
            hosts,
            ineffective_hosts: app.ineffective_hosts,
            groups: app.groups,
            allow_tokens: app.allow_tokens,
            forward_auth_url,
            created_at: app.created_at,
            updated_at: app.updated_at,
        }
    }
}

/// An application to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppRequest {
    /// `forward_auth`.
    kind: String,
    /// The name.
    name: String,
    /// The hosts, such as `app.example.com` or `app.example.com:8443`. Each host name belongs to one application
    /// of the server. Wildcards and the host name of this server are rejected.
    hosts: Vec<String>,
    /// The IDs of the groups whose members have access. Without it, all users of the account have access.
    #[serde(default)]
    groups: Option<Vec<String>>,
    /// Whether API tokens that are generated for this application are accepted. The default is `false`.
    #[serde(default)]
    allow_tokens: bool,
}

/// What to change. Absent members stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AppPatch {
    /// The name.
    name: Option<String>,
    /// All hosts of the application.
    hosts: Option<Vec<String>>,
    /// The IDs of the groups whose members have access; `null` gives access to all users of the account.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>)]
    #[expect(clippy::option_option, reason = "absent, null and a list are three things in a merge patch")]
    groups: Option<Option<Vec<String>>>,
    /// Whether API tokens that are generated for this application are accepted.
    allow_tokens: Option<bool>,
}

/// Tells a member that is null from one that is absent (RFC 7396).
#[expect(clippy::option_option, reason = "absent, null and a list are three things in a merge patch")]
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Vec<String>>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// List applications
///
/// Returns applications in the order of their registration.
#[utoipa::path(
    get, operation_id = "list_apps", path = "/api/v1/apps", tag = "apps",
    params(Paging),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of applications", body = List<AppBody>)),
)]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
) -> Result<Json<List<AppBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let limit = paging.limit();
    let rows = apps::list(&mut c, &request.principal.account_id, paging.after(), limit + 1).await?;
    Ok(Json(List::of(rows, limit, |app| &app.id, |app| AppBody::of(&request, app))))
}

/// Register an application
#[utoipa::path(
    post, operation_id = "create_app", path = "/api/v1/apps", tag = "apps",
    request_body = AppRequest,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The application was registered", body = AppBody),
        (status = 422, description = "A field is not valid, or a host belongs to another application"),
    ),
)]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<AppRequest>,
) -> Result<(StatusCode, Json<AppBody>), Error> {
    let kind = ApplicationKind::parse(&new.kind);
    let kind = kind.ok_or_else(|| Error::invalid("kind", "must be forward_auth"))?;
    let AppRequest { name, hosts, groups, allow_tokens, .. } = new;
    let new = NewApplication { kind, name, hosts, groups, allow_tokens };
    let app = admin::apps::create(&request.admin(), new).await?;
    Ok((StatusCode::CREATED, Json(AppBody::of(&request, app))))
}

/// Get an application
#[utoipa::path(
    get, operation_id = "get_app", path = "/api/v1/apps/{id}", tag = "apps",
    params(("id" = String, Path, description = "The application's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The application", body = AppBody),
        (status = 404, description = "No application has this ID"),
    ),
)]
pub(super) async fn show(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<AppBody>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let app = request.principal.find_app(&mut c, &id).await?;
    drop(c);
    Ok(Json(AppBody::of(&request, app)))
}

/// Change an application
///
/// Sessions at hosts that you remove end immediately.
#[utoipa::path(
    patch, operation_id = "update_app", path = "/api/v1/apps/{id}", tag = "apps",
    params(("id" = String, Path, description = "The application's ID")),
    request_body = AppPatch,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The changed application", body = AppBody),
        (status = 404, description = "No application has this ID"),
        (status = 422, description = "A field is not valid, or a host belongs to another application"),
    ),
)]
pub(super) async fn change(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(patch): Body<AppPatch>,
) -> Result<Json<AppBody>, Error> {
    let AppPatch { name, hosts, groups, allow_tokens } = patch;
    let change = ApplicationUpdate { name, hosts, groups, allow_tokens };
    let app = admin::apps::change(&request.admin(), &id, change).await?;
    Ok(Json(AppBody::of(&request, app)))
}

/// Delete an application
///
/// The sessions and API tokens of the application stop working immediately.
#[utoipa::path(
    delete, operation_id = "delete_app", path = "/api/v1/apps/{id}", tag = "apps",
    params(("id" = String, Path, description = "The application's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The application was deleted"),
        (status = 404, description = "No application has this ID"),
    ),
)]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::apps::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List signing keys
///
/// Returns the published keys of the account, oldest first. There are none until the first one is needed.
#[utoipa::path(
    get, operation_id = "list_signing_keys", path = "/api/v1/signing-keys", tag = "apps",
    security(("bearer" = [])),
    responses((status = 200, description = "The keys", body = List<SigningKey>)),
)]
pub(super) async fn list_keys(request: AuthenticatedRequest) -> Result<Json<List<SigningKey>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let items = signing_keys::list(&mut c, &request.principal.account_id).await?;
    Ok(Json(List { items, next: None }))
}

/// Rotate the signing keys
///
/// The next key becomes the active one, and a new next key is published. The previous key stays published for
/// two days. Keys also rotate every 90 days without this.
#[utoipa::path(
    post, operation_id = "rotate_signing_keys", path = "/api/v1/signing-keys/rotate", tag = "apps",
    security(("bearer" = [])),
    responses((status = 200, description = "The keys after the rotation", body = List<SigningKey>)),
)]
pub(super) async fn rotate_keys(request: AuthenticatedRequest) -> Result<Json<List<SigningKey>>, Error> {
    let items = admin::apps::rotate_signing_keys(&request.admin()).await?;
    Ok(Json(List { items, next: None }))
}
