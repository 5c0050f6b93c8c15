//! Linked identities of users.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Body, DocumentedRoutes, List};
use crate::access::{Guard, Permission};
use crate::admin;
use crate::kernel::Timestamp;
use crate::signin::identities::{self, Identity, PendingIdentity};
use crate::web::{AuthenticatedRequest, Error};

pub(super) fn add_routes(api: &mut DocumentedRoutes) {
    let (view, edit) = (Guard::Requires(Permission::UsersView), Guard::Requires(Permission::UsersEdit));
    api.add(view, routes!(list));
    api.add(edit, routes!(approve));
    api.add(edit, routes!(unlink));
    api.add(view, routes!(list_pending));
    api.add(edit, routes!(discard));
}

/// An identity at an identity provider that is linked to a user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IdentityBody {
    /// The ID of the linked identity.
    id: String,
    /// The ID of the connection to the identity provider.
    connection_id: String,
    /// The issuer of the subject identifier.
    issuer: String,
    /// The subject identifier, which the issuer never reassigns to another user unless it is an email address.
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
    get, operation_id = "list_user_identities", path = "/api/v1/users/{id}/identities", tag = "users",
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

/// An identity that an identity provider stated for a user, and that is not linked yet.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PendingIdentityBody {
    /// The ID of the pending identity.
    id: String,
    /// The ID of the connection to the identity provider.
    connection_id: String,
    /// The issuer of the subject identifier.
    issuer: String,
    /// The subject identifier.
    subject: String,
    /// The identifier, such as an email address, that the identity provider sent.
    name: String,
    /// When the identity provider first sent it.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when it can be approved.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<PendingIdentity> for PendingIdentityBody {
    fn from(pending: PendingIdentity) -> Self {
        let PendingIdentity { id, connection_id, issuer, subject, name, created_at, expires_at, .. } =
            pending;
        Self { id, connection_id: connection_id.into(), issuer, subject, name, created_at, expires_at }
    }
}

/// The pending identity to approve.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityApproval {
    /// The ID of the pending identity.
    pending_id: String,
}

/// List the pending identities of a user
///
/// When an identity provider signs in a user with a role, a password or two-factor authentication for the first
/// time, the user confirms it, or an administrator approves it. Until then, the identity is pending, for at most
/// seven days.
#[utoipa::path(
    get, operation_id = "list_pending_identities", path = "/api/v1/users/{id}/pending-identities",
    tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The pending identities", body = List<PendingIdentityBody>),
        (status = 404, description = "No user has this ID"),
    ),
)]
pub(super) async fn list_pending(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<PendingIdentityBody>>, Error> {
    let kernel = &request.app.kernel;
    let mut c = kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, &id).await?;
    let rows = identities::pending_of_user(&mut c, &user, kernel.clock.now()).await?;
    Ok(Json(List::of(rows, 200, |pending| &pending.id, PendingIdentityBody::from)))
}

/// Approve a pending identity of a user
///
/// The identity is linked to the user, who can sign in with it from then on. Make sure that the identity belongs
/// to the user.
#[utoipa::path(
    post, operation_id = "approve_pending_identity", path = "/api/v1/users/{id}/identities",
    tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    request_body = IdentityApproval, security(("bearer" = [])),
    responses(
        (status = 204, description = "The identity was linked"),
        (status = 404, description = "The user does not exist or has no pending identity with this ID"),
        (status = 409, description = "The identity cannot be linked any more, for the reason in the detail"),
    ),
)]
pub(super) async fn approve(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Body(body): Body<IdentityApproval>,
) -> Result<StatusCode, Error> {
    admin::identities::approve(&request.admin(), &id.into(), &body.pending_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Discard a pending identity of a user
#[utoipa::path(
    delete, operation_id = "discard_pending_identity", path = "/api/v1/users/{id}/pending-identities/{identity}",
    tag = "users",
    params(
        ("id" = String, Path, description = "The user's ID"),
        ("identity" = String, Path, description = "The pending identity's ID"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The pending identity was discarded"),
        (status = 404, description = "The user does not exist or has no pending identity with this ID"),
    ),
)]
pub(super) async fn discard(
    request: AuthenticatedRequest,
    Path((id, identity)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    admin::identities::discard(&request.admin(), &id.into(), &identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unlink an identity from a user
///
/// At the next sign-in with this identity, the email address decides which user it belongs to.
#[utoipa::path(
    delete, operation_id = "delete_user_identity", path = "/api/v1/users/{id}/identities/{identity}",
    tag = "users",
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
