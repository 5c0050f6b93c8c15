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

/// An API token to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// A name for the token.
    name: String,
    /// The ID of the service account that the token is for. The default is the current user or service
    /// account. Requires the permission `service_accounts.edit`.
    service_account_id: Option<String>,
    /// The ID of the application that the token is for. Such a token counts at that application only, and not at
    /// the REST API. The application must allow tokens.
    application: Option<String>,
    /// When the token expires, in RFC 3339 format. Without it, the token is valid until it is revoked. A token that is
    /// generated with another API token never expires later than that one, and is revoked together with it.
    expires_at: Option<String>,
}

/// A token with its secret. The secret is shown only once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MadeToken {
    #[serde(flatten)]
    pub(super) details: ApiToken,
    /// The secret. Send it in the header `Authorization: Bearer`.
    pub(super) token: String,
}

/// List API tokens
///
/// With the permission `service_accounts.view`, returns all tokens of the account; otherwise, your own.
#[utoipa::path(
    get, operation_id = "list_api_tokens", path = "/api/v1/api-tokens", tag = "api tokens",
    params(Paging),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "A page of tokens", body = List<ApiToken>),
    ),
)]
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

/// Generate an API token
#[utoipa::path(
    post, operation_id = "create_api_token", path = "/api/v1/api-tokens", tag = "api tokens",
    request_body = TokenRequest,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The token was generated", body = MadeToken),
        (status = 403, description = "The permission `service_accounts.edit` is missing, or you must \
            confirm your identity first"),
        (status = 404, description = "No service account or application has this ID"),
        (status = 422, description = "A field is not valid"),
    ),
)]
pub(super) async fn create(
    request: AuthenticatedRequest,
    Body(new): Body<TokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>), Error> {
    let expires_at = admin::tokens::parse_expiry(new.expires_at.as_deref())?;
    let new = NewApiToken {
        name: &new.name,
        service_account_id: new.service_account_id.as_deref(),
        application: new.application.as_deref(),
        expires_at,
    };
    let (details, token) = admin::tokens::create(&request.admin(), new).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { details, token })))
}

/// Revoke an API token
///
/// The token stops working immediately.
#[utoipa::path(
    delete, operation_id = "revoke_api_token", path = "/api/v1/api-tokens/{id}", tag = "api tokens",
    params(("id" = String, Path, description = "The token's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The token was revoked"),
        (status = 404, description = "The token does not exist, or you may not revoke it"),
    ),
)]
pub(super) async fn revoke(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::tokens::revoke(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
