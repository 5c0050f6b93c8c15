//! Service accounts.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Body, List, Paging};
use crate::access::Role;
use crate::access::service_accounts::{self, ServiceAccount};
use crate::admin;
use crate::kernel::TextEnum as _;
use crate::web::{AuthenticatedRequest, Error};

/// A service account to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewServiceAccount {
    /// The service account's name, unique in the account.
    name: String,
    /// The role: `account_admin` or `account_viewer`. Without a role, the service account has no permissions.
    role: Option<String>,
}

/// List service accounts
///
/// Returns service accounts in the order of their creation.
#[utoipa::path(
    get, operation_id = "list_service_accounts", path = "/api/v1/service-accounts", tag = "service accounts",
    params(Paging),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of service accounts", body = List<ServiceAccount>),
    ),
)]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ServiceAccount>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let limit = paging.limit();
    let rows =
        service_accounts::list(&mut c, &request.principal.account_id, paging.after(), limit + 1).await?;
    Ok(Json(List::of(rows, limit, |account| &account.id, |account| account)))
}

/// Create a service account
#[utoipa::path(
    post, operation_id = "create_service_account", path = "/api/v1/service-accounts", tag = "service accounts",
    request_body = NewServiceAccount,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The service account was created", body = ServiceAccount),
        (status = 409, description = "Another service account has this name"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<NewServiceAccount>,
) -> Result<(StatusCode, Json<ServiceAccount>), Error> {
    let role = match &new.role {
        None => None,
        Some(name) => {
            let unknown = || Error::invalid("role", "must be account_admin or account_viewer");
            Some(Role::parse(name).ok_or_else(unknown)?)
        }
    };
    let made = admin::service_accounts::create(&request.admin(), &new.name, role).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Delete a service account
///
/// The tokens of the service account stop working immediately.
#[utoipa::path(
    delete, operation_id = "delete_service_account", path = "/api/v1/service-accounts/{id}",
    tag = "service accounts",
    params(("id" = String, Path, description = "The service account's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The service account was deleted"),
        (status = 404, description = "No service account has this ID"),
        (status = 409, description = "The service account belongs to a SCIM connection and is deleted with \
            it"),
    ),
)]
pub(super) async fn delete(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::service_accounts::delete(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
