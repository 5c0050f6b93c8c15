//! API tokens. Every principal manages its own; administrators manage those of the account.

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Body, List, Paging};
use crate::access::Permission;
use crate::access::tokens::{self, ApiToken};
use crate::admin;
use crate::admin::tokens::NewApiToken;
use crate::web::{AuthenticatedRequest, Error};

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// What you call it.
    name: String,
    /// For this service account instead of yourself; needs `service_accounts.edit`.
    service_account_id: Option<String>,
    /// RFC 3339; without it the token works until it is revoked.
    expires_at: Option<String>,
}

/// A token with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeToken {
    #[serde(flatten)]
    pub(super) details: ApiToken,
    /// Send it as `Authorization: Bearer`.
    pub(super) token: String,
}

/// Lists tokens: the account's for administrators, one's own otherwise.
#[utoipa::path(get, path = "/api/v1/api-tokens", tag = "api tokens", params(Paging), security(("bearer" = [])),
    responses((status = 200, body = List<ApiToken>)))]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(paging): Query<Paging>,
) -> Result<Json<List<ApiToken>>, Error> {
    let owner = if request.principal.has_permission(Permission::ServiceAccountsView) {
        None
    } else {
        Some(request.principal.id.as_str())
    };
    let mut c = request.app.kernel.db.read().await?;
    let limit = paging.limit();
    let rows = tokens::list(&mut c, &request.principal.account_id, owner, paging.after(), limit + 1).await?;
    Ok(Json(List::of(rows, limit, |token| &token.id, |token| token)))
}

/// Makes a token.
#[utoipa::path(post, path = "/api/v1/api-tokens", tag = "api tokens", request_body = TokenRequest,
    security(("bearer" = [])), responses((status = 201, body = MadeToken), (status = 403), (status = 422)))]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<TokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>), Error> {
    let expires_at = admin::tokens::parse_expiry(new.expires_at.as_deref())?;
    let new =
        NewApiToken { name: &new.name, service_account_id: new.service_account_id.as_deref(), expires_at };
    let (details, token) = admin::tokens::create(&request.admin(), new).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { details, token })))
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/api/v1/api-tokens/{id}", tag = "api tokens", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404)))]
pub(super) async fn revoke(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::tokens::revoke(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
