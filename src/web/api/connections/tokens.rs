//! Provisioning tokens of a directory connection.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::tokens::{self, ApiToken};
use crate::admin;
use crate::admin::provisioning::NewScimToken;
use crate::web::api::tokens::MadeToken;
use crate::web::api::{Body, List};
use crate::web::{AuthenticatedRequest, Error};

/// A provisioning token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScimTokenRequest {
    /// What you call it.
    name: Option<String>,
    /// RFC 3339.
    expires_at: Option<String>,
    /// The id of a token of this connection in whose place it comes, under the same name.
    replaces: Option<String>,
    /// For how many hours that one goes on working, at most 720; 24 when not given.
    overlap_hours: Option<u32>,
}

/// Lists the provisioning tokens of a SCIM connection.
#[utoipa::path(get, path = "/api/v1/connections/{id}/tokens", tag = "connections", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = List<ApiToken>), (status = 404)))]
pub(crate) async fn list_tokens(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<ApiToken>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let items = tokens::of_connection(&mut c, &request.principal.account_id, &connection.id).await?;
    Ok(Json(List { items, next: None }))
}

/// Makes a provisioning token for a SCIM connection.
#[utoipa::path(post, path = "/api/v1/connections/{id}/tokens", tag = "connections", params(("id" = String, Path,)),
    request_body = ScimTokenRequest, security(("bearer" = [])),
    responses((status = 201, body = MadeToken), (status = 404), (status = 422)))]
pub(crate) async fn create_token(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(new): Body<ScimTokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>), Error> {
    let expires_at = admin::tokens::parse_expiry(new.expires_at.as_deref())?;
    let replaces = new.replaces.as_deref().map(|old| (old, new.overlap_hours.unwrap_or(24)));
    let new = NewScimToken { name: new.name.as_deref(), expires_at, replaces };
    let (details, token) = admin::provisioning::create_token(&request.admin(), &id, new).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { details, token })))
}
