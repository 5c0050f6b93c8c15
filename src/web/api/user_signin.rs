//! What an administrator can do for a user's sign-in: revoke sessions, unlock the user, and send a password
//! reset link.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::List;
use crate::admin;
use crate::kernel::Timestamp;
use crate::signin::sessions::{self, Session};
use crate::web::{AuthenticatedRequest, Error};

/// A session of a user, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionBody {
    /// The session's ID.
    id: String,
    /// The sign-in method: `password`, `local` (the administrator sign-in page), `saml`, `oidc`, `ldap` or
    /// `passkey`.
    method: String,
    /// The browser and operating system, as far as the `User-Agent` header names them.
    device: String,
    /// The IP address that the user signed in from.
    address: String,
    /// When the session was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the session was last used.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
}

impl From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        Self {
            device: session.device(),
            id: session.id,
            method: session.method,
            address: session.address,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        }
    }
}

/// List the sessions of a user
///
/// Returns at most 100 active sessions, most recently used first.
#[utoipa::path(
    get, operation_id = "list_user_sessions", path = "/api/v1/users/{id}/sessions", tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The active sessions", body = List<SessionBody>),
        (status = 404, description = "No user has this ID"),
    ),
)]
pub(super) async fn list_sessions(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Json<List<SessionBody>>, Error> {
    let mut c = request.app.kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, &id).await?;
    let now = request.app.kernel.clock.now();
    let rows = sessions::of_user(&mut c, &request.principal.account_id, &user.id, now).await?;
    Ok(Json(List::of(rows, 100, |session| &session.id, SessionBody::from)))
}

/// Revoke a session of a user
#[utoipa::path(
    delete, operation_id = "revoke_user_session", path = "/api/v1/users/{id}/sessions/{session}",
    tag = "users",
    params(
        ("id" = String, Path, description = "The user's ID"),
        ("session" = String, Path, description = "The session's ID"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The session was revoked"),
        (status = 404, description = "The user does not exist or has no session with this ID"),
    ),
)]
pub(super) async fn revoke_session(
    request: AuthenticatedRequest,
    Path((id, session)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    admin::users::revoke_session(&request.admin(), &id, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unlock a user
///
/// Ends an account lockout immediately and clears the failed attempts of the user.
#[utoipa::path(
    post, operation_id = "unlock_user", path = "/api/v1/users/{id}/unlock", tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The user was unlocked"),
        (status = 404, description = "No user has this ID"),
    ),
)]
pub(super) async fn unlock(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::unlock(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a password reset link
///
/// Emails the user a link to choose a new password.
#[utoipa::path(
    post, operation_id = "send_password_reset", path = "/api/v1/users/{id}/password/reset",
    tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 202, description = "The email was queued"),
        (status = 404, description = "No user has this ID"),
        (status = 409, description = "The user signs in through an identity provider and has no password, \
            is not active, has no email address, or has received several links within an hour"),
    ),
)]
pub(super) async fn send_reset(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::send_password_reset(&request.admin(), &id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Revoke all sessions of a user
#[utoipa::path(
    post, operation_id = "revoke_user_sessions", path = "/api/v1/users/{id}/sessions/revoke",
    tag = "users",
    params(("id" = String, Path, description = "The user's ID")),
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The sessions were revoked"),
        (status = 404, description = "No user has this ID"),
    ),
)]
pub(super) async fn revoke_sessions(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::revoke_sessions(&request.admin(), &id, "").await?;
    Ok(StatusCode::NO_CONTENT)
}
