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

/// An identity at an identity provider that is linked to a user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IdentityBody {
    /// The ID of the linked identity.
    id: String,
    /// The ID of the connection to the identity provider.
    connection_id: String,
    /// The issuer of the subject identifier.
    issuer: String,
    /// The subject identifier, which the issuer never reassigns to another user.
    subject: String,
    /// The identifier, such as a username, that the identity provider sent at the last sign-in.
    name: String,
    /// When the identity was linked to the user.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the identity was last used to sign in, accurate to 15 minutes.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
}

impl From<Identity> for IdentityBody {
    fn from(identity: Identity) -> Self {
        let Identity { id, connection_id, issuer, subject, name, created_at, last_used_at, .. } = identity;
        Self { id, connection_id: connection_id.into(), issuer, subject, name, created_at, last_used_at }
    }
}

/// List the linked identities of a user
///
/// Returns at most 200 linked identities, oldest first.
#[utoipa::path(
    get, path = "/api/v1/users/{id}/identities", tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The linked identities", body = List<IdentityBody>),
        (status = 404, description = "No user has this ID"),
    ),
)]
pub(super) async fn list(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<IdentityBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, &id).await?;
    let rows = identities::of_user(&mut c, &user.id).await?;
    Ok(Json(List::of(rows, 200, |identity| &identity.id, IdentityBody::from)))
}

/// Unlink an identity from a user
///
/// If the identity provider reports the user's email address as verified, the next sign-in links the identity
/// again.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}/identities/{identity}", tag = "users",
    params(
        ("id" = String, Path, description = "The user's ID"),
        ("identity" = String, Path, description = "The linked identity's ID"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The identity was unlinked"),
        (status = 404, description = "The user does not exist or has no linked identity with this ID"),
    ),
)]
pub(super) async fn unlink(
    request: AuthenticatedRequest,
    Path((id, identity)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    admin::identities::unlink(&request.admin(), &id.into(), &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
