//! Linked identities of users.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;

use super::users::redirect_or_rerender;
use crate::admin;
use crate::web::{AuthenticatedRequest, Error};

#[derive(Deserialize)]
pub(super) struct IdentityForm {
    identity: String,
}

pub(super) async fn unlink(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<IdentityForm>,
) -> Result<Response, Error> {
    let done = admin::identities::unlink(&request.admin(), &id.as_str().into(), &form.identity).await;
    redirect_or_rerender(&request, &id, done.map(|()| "user_unlinked")).await
}

pub(super) async fn approve(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<IdentityForm>,
) -> Result<Response, Error> {
    let done = admin::identities::approve(&request.admin(), &id.as_str().into(), &form.identity).await;
    redirect_or_rerender(&request, &id, done.map(|()| "identity_approved")).await
}

pub(super) async fn discard(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<IdentityForm>,
) -> Result<Response, Error> {
    let done = admin::identities::discard(&request.admin(), &id.as_str().into(), &form.identity).await;
    redirect_or_rerender(&request, &id, done.map(|()| "identity_discarded")).await
}
