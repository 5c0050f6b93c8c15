//! Provisioning tokens of a SCIM connection.

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

/// A SCIM token to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScimTokenRequest {
    /// A name for the token. The default is the connection's name. A token that replaces another takes over
    /// its name.
    name: Option<String>,
    /// When the token expires, in RFC 3339 format. Without it, the token is valid until it is revoked. A
    /// token that replaces another does not expire.
    expires_at: Option<String>,
    /// The ID of an active token of this connection that the new token replaces.
    replaces: Option<String>,
    /// How many hours the replaced token stays valid, at most 720. The default is 24.
    overlap_hours: Option<u32>,
}

/// List the tokens of a SCIM connection
#[utoipa::path(
    get, operation_id = "list_scim_tokens", path = "/api/v1/connections/{id}/tokens", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The tokens", body = List<ApiToken>),
        (status = 404, description = "No connection has this ID"),
    ),
)]
pub(crate) async fn list_tokens(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<ApiToken>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let connection = request.principal.find_connection(&mut c, &id).await?;
    let items = tokens::of_connection(&mut c, &request.principal.account_id, &connection.id).await?;
    Ok(Json(List { items, next: None }))
}

/// Generate a token for a SCIM connection
#[utoipa::path(
    post, operation_id = "create_scim_token", path = "/api/v1/connections/{id}/tokens", tag = "connections",
    params(("id" = String, Path, description = "The connection's ID")),
    request_body = ScimTokenRequest,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The token was generated", body = MadeToken),
        (status = 404, description = "The connection or the token to replace does not exist"),
        (status = 422, description = "A field is not valid, or the connection is not a SCIM connection"),
    ),
)]
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
