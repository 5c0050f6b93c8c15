//! Provisioning tokens of a directory connection.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::Principal;
use crate::access::tokens::{self, ApiToken};
use crate::kernel::http::RequestContext;
use crate::web::admin::NewScimToken;
use crate::web::api::tokens::MadeToken;
use crate::web::api::{Body, List};
use crate::web::{AppState, Error, admin};

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
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Json<List<ApiToken>>, Error> {
    let mut c = app.kernel.db.read().await?;
    let connection = admin::find_connection(&mut c, &principal, &id).await?;
    let items = tokens::of_connection(&mut c, &principal.account_id, &connection.id).await?;
    Ok(Json(List { items, next: None }))
}

/// Makes a provisioning token for a SCIM connection.
#[utoipa::path(post, path = "/api/v1/connections/{id}/tokens", tag = "connections", params(("id" = String, Path,)),
    request_body = ScimTokenRequest, security(("bearer" = [])),
    responses((status = 201, body = MadeToken), (status = 404), (status = 422)))]
pub(crate) async fn create_token(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Body(new): Body<ScimTokenRequest>,
) -> Result<(StatusCode, Json<MadeToken>), Error> {
    let expires_at = admin::read_expiry(new.expires_at.as_deref())?;
    let replaces = new.replaces.as_deref().map(|old| (old, new.overlap_hours.unwrap_or(24)));
    let new = NewScimToken { name: new.name.as_deref(), expires_at, replaces };
    let (details, token) = admin::make_scim_token(&app, &principal, &request, &id, new).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { details, token })))
}
