//! What an administrator can do for a user's sign-in: end sessions, end a lockout, send a reset link.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::users::redirect_or_rerender;
use crate::admin;
use crate::web::{AuthenticatedRequest, Error};

pub(super) async fn revoke_sessions(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let own = request.principal.session_id().filter(|_| request.principal.id == id).unwrap_or_default();
    admin::users::revoke_sessions(&request.admin(), &id, own).await?;
    redirect_or_rerender(&request, &id, Ok::<_, Error>("sessions_revoked")).await
}

/// Ends the user's lockout.
pub(super) async fn unlock(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    let done = admin::users::unlock(&request.admin(), &id).await.map(|()| "user_unlocked");
    redirect_or_rerender(&request, &id, done).await
}

/// Mails the user a link to choose a new password.
pub(super) async fn send_reset(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let done = admin::users::send_password_reset(&request.admin(), &id).await.map(|()| "reset_sent");
    redirect_or_rerender(&request, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct SessionForm {
    session: String,
}

pub(super) async fn revoke_session(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<SessionForm>,
) -> Result<Response, Error> {
    let done = admin::users::revoke_session(&request.admin(), id.as_str(), form.session.as_str())
        .await
        .map(|()| "session_revoked");
    redirect_or_rerender(&request, &id, done).await
}
