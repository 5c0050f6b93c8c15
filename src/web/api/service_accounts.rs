//! Service accounts.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Body, List, Paging};
use crate::access::service_accounts::{self, ServiceAccount};
use crate::access::{Principal, Role};
use crate::kernel::TextEnum as _;
use crate::kernel::http::RequestContext;
use crate::web::{AppState, Error};

/// A service account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewServiceAccount {
    name: String,
    /// `account_admin`, `account_viewer`, or none.
    role: Option<String>,
}

/// Lists service accounts.
#[utoipa::path(get, path = "/api/v1/service-accounts", tag = "service accounts", params(Paging),
    security(("bearer" = [])), responses((status = 200, body = List<ServiceAccount>)))]
pub(super) async fn list(
    State(app): State<AppState>,
    principal: Principal,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ServiceAccount>>, Error> {
    let mut c = app.kernel.db.read().await?;
    let limit = paging.limit();
    let rows = service_accounts::list(&mut c, &principal.account_id, paging.after(), limit + 1).await?;
    Ok(Json(List::of(rows, limit, |account| account.id.clone(), |account| account)))
}

/// Makes a service account.
#[utoipa::path(post, path = "/api/v1/service-accounts", tag = "service accounts", request_body = NewServiceAccount,
    security(("bearer" = [])), responses((status = 201, body = ServiceAccount), (status = 409), (status = 422)))]
pub(super) async fn create(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Body(new): Body<NewServiceAccount>,
) -> Result<(StatusCode, Json<ServiceAccount>), Error> {
    let role = match &new.role {
        None => None,
        Some(name) => {
            let unknown = || Error::invalid("role", "must be account_admin or account_viewer");
            Some(Role::parse(name).ok_or_else(unknown)?)
        }
    };
    let mut tx = app.kernel.db.begin().await?;
    let made = service_accounts::create(&mut tx, &principal.context(&request), &new.name, role, None).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Deletes a service account with its tokens.
#[utoipa::path(delete, path = "/api/v1/service-accounts/{id}", tag = "service accounts",
    params(("id" = String, Path,)), security(("bearer" = [])),
    responses((status = 204), (status = 404), (status = 409)))]
pub(super) async fn delete(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<StatusCode, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let found = service_accounts::by_id(&mut tx, &principal.account_id, &id).await?;
    let found = found.ok_or_else(|| Error::not_found("service account"))?;
    service_accounts::delete(&mut tx, &principal.context(&request), &found).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
