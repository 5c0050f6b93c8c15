//! Linked identities: other providers through which a user can sign in.

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::confirm;
use crate::access::Principal;
use crate::admin;
use crate::idp::oidc;
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::flow;
use crate::web::{AppState, Error};

#[derive(Deserialize)]
pub(super) struct IdentityLinkForm {
    connection: String,
}

/// Redirects to a provider, where the user signs in to link that identity.
pub(super) async fn link(
    State(app): State<AppState>,
    principal: Principal,
    headers: HeaderMap,
    Form(form): Form<IdentityLinkForm>,
) -> Result<Response, Error> {
    super::signed_in_user(&app, &principal).await?;
    if let Some(elsewhere) = confirm::redirect_unless_recent(&app, &principal, "/profile") {
        return Ok(elsewhere);
    }
    let mut c = app.kernel.db.read().await?;
    let connection = principal.find_connection(&mut c, &form.connection).await?;
    drop(c);
    let connection = connection.typed()?.into_oidc().filter(|connection| connection.is_enabled());
    let connection = connection.ok_or_else(|| Error::not_found("connection"))?;
    let names = flow::cookies(&app.kernel);
    let browser = names.browser_secret(&headers);

    let url = oidc::begin_link(&app.kernel, &app.idp.oidc, &principal, &connection, &browser).await;
    let url = url.map_err(|error| {
        tracing::warn!(connection = %connection.id, %error, "an identity could not be linked");
        let detail = "Try again in a moment. If the problem continues, contact your administrator.";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The provider is unavailable", detail).retry_after(10)
    })?;
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], Redirect::to(&url)).into_response())
}

#[derive(Deserialize)]
pub(super) struct IdentityUnlinkForm {
    id: String,
}

/// Removes a linked identity.
pub(super) async fn unlink(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<IdentityUnlinkForm>,
) -> Result<Response, Error> {
    let user = super::signed_in_user(&app, &principal).await?;
    admin::identities::unlink(&app.admin_request(&principal, &request), &user.id, &form.id).await?;
    Ok(Redirect::to("/profile?notice=identity_unlinked").into_response())
}
