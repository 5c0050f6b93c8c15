//! What an administrator can do for a user's sign-in: end sessions, end a lockout, send a reset link.

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

/// A session, apart from its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionBody {
    /// Its id.
    id: String,
    /// How it began: `password`, `local`, `saml`.
    method: String,
    /// The browser and the system, as far as they say.
    device: String,
    /// The address it began from.
    address: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was used last.
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

/// Lists the live sessions of a user, the last used first; at most a hundred.
#[utoipa::path(get, path = "/api/v1/users/{id}/sessions", tag = "users", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 200, body = List<SessionBody>), (status = 404)))]
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

/// Ends one session of a user.
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions/{session}", tag = "users",
    params(("id" = String, Path,), ("session" = String, Path,)), security(("bearer" = [])),
    responses((status = 204), (status = 404)))]
pub(super) async fn revoke_session(
    request: AuthenticatedRequest,
    Path((id, session)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    admin::users::revoke_session(&request.admin(), &id, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a locked user try again at once. Unlocking somebody who is not locked forgets their failures.
#[utoipa::path(post, path = "/api/v1/users/{id}/unlock", tag = "users", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404)))]
pub(super) async fn unlock(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::unlock(&request.admin(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mails a user a link to choose a new password.
#[utoipa::path(post, path = "/api/v1/users/{id}/password/reset", tag = "users", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 202), (status = 404), (status = 409)))]
pub(super) async fn send_reset(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::send_password_reset(&request.admin(), &id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Ends all sessions of a user.
#[utoipa::path(post, path = "/api/v1/users/{id}/sessions/revoke", tag = "users", params(("id" = String, Path,)),
    security(("bearer" = [])), responses((status = 204), (status = 404)))]
pub(super) async fn revoke_sessions(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    admin::users::revoke_sessions(&request.admin(), &id, "").await?;
    Ok(StatusCode::NO_CONTENT)
}
