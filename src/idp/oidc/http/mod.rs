//! The endpoints of an OpenID Connect or OAuth connection.

mod callback;
mod login;
mod logout;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::client_keys;
use crate::access::{Guard, Routes};
use crate::idp::Idp;
use crate::idp::connections::{OidcConnection, TypedConnection};
use crate::idp::http;
use crate::idp::http::internal_error;
use crate::kernel::http::Refusal;
use crate::signin::SignIn;

/// The routes under `/oidc`.
#[must_use]
pub fn routes() -> Routes<Idp> {
    Routes::default()
        .get("/oidc/{connection}/login", Guard::Public, login::begin)
        .get("/oidc/{connection}/callback", Guard::Public, callback::receive)
        .get("/oidc/{connection}/jwks", Guard::Public, jwks)
        .get("/oidc/{connection}/signed-out", Guard::Public, signed_out)
        .post("/oidc/{connection}/backchannel-logout", Guard::Callback, logout::receive)
}

/// The connection with this id. With `must_be_enabled`, one that is switched off is treated as missing.
async fn find_oidc_connection(
    signin: &SignIn,
    id: &str,
    must_be_enabled: bool,
) -> Result<OidcConnection, Refusal> {
    http::find_connection(signin, id, must_be_enabled, TypedConnection::into_oidc).await
}

/// Our public key, for providers at which we authenticate with it.
async fn jwks(State(idp): State<Idp>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let connection = find_oidc_connection(&idp.signin, &id, false).await?;
    let set = client_keys::public_jwks(&idp.signin.kernel, &connection).await.map_err(internal_error)?;
    Ok(Json(set).into_response())
}

/// Where the provider returns the browser after a logout. The session here ended before the logout began.
async fn signed_out() -> Redirect {
    Redirect::to("/login?notice=signed_out_everywhere")
}
