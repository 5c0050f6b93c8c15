//! Linked identities of users.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::List;
use crate::admin;
use crate::kernel::Timestamp;
use crate::signin::identities::{self, Identity};
use crate::web::{AuthenticatedRequest, Error};

/// An identity that leads to a user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IdentityBody {
    /// Its id.
    id: String,
    /// The connection that knows it.
    connection_id: String,
    /// Who says so.
    issuer: String,
    /// The name that is never given to anybody else there.
    subject: String,
    /// What the provider called them when they came last.
    name: String,
    /// Since when it leads to the user.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When they came with it last.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
}

impl From<Identity> for IdentityBody {
    fn from(identity: Identity) -> Self {
        let Identity { id, connection_id, issuer, subject, name, created_at, last_used_at, .. } = identity;
        Self { id, connection_id: connection_id.into(), issuer, subject, name, created_at, last_used_at }
    }
}

/// Lists who a user is at providers; at most two hundred.
#[utoipa::path(get, path = "/api/v1/users/{id}/identities", tag = "users", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = List<IdentityBody>), (status = 404)))]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<IdentityBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, &id).await?;
    let rows = identities::of_user(&mut c, &user.id).await?;
    Ok(Json(List::of(rows, 200, |identity| &identity.id, IdentityBody::from)))
}

/// Takes an identity away from a user. If the provider vouches for their address, it leads to them again.
#[utoipa::path(delete, path = "/api/v1/users/{id}/identities/{identity}", tag = "users",
    params(("id" = String, Path,), ("identity" = String, Path,)), security(("bearer" = [])),
    responses((status = 204), (status = 404)))]
pub(super) async fn unlink(
    request: AuthenticatedRequest,
    Path((id, identity)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    admin::identities::unlink(&request.admin(), &id.into(), &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
