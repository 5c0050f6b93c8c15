//! The endpoints of a SAML connection.

mod acs;
mod login;
mod logout;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::keys;
use super::request::{SpEndpoints, sp_metadata};
use crate::access::{Guard, Routes};
use crate::idp::connections::{SamlConnection, TypedConnection};
use crate::idp::http;
use crate::idp::http::internal_error;
use crate::kernel::http::Refusal;
use crate::signin::SignIn;

/// The routes under `/saml`.
#[must_use]
pub fn routes() -> Routes<SignIn> {
    Routes::default()
        .get("/saml/{connection}/login", Guard::Public, login::begin)
        .get("/saml/{connection}/metadata", Guard::Public, metadata)
        .post("/saml/{connection}/acs", Guard::Callback, acs::receive)
        .get("/saml/{connection}/slo", Guard::Public, logout::receive_redirect)
        .post("/saml/{connection}/slo", Guard::Callback, logout::receive_post)
}

/// The SAML connection with this id. With `must_be_enabled`, one that is switched off is treated as
/// missing.
async fn find_saml_connection(
    signin: &SignIn,
    id: &str,
    must_be_enabled: bool,
) -> Result<SamlConnection, Refusal> {
    http::find_connection(signin, id, must_be_enabled, TypedConnection::into_saml).await
}

/// Our metadata, for the identity provider's administrator.
async fn metadata(State(signin): State<SignIn>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let connection = find_saml_connection(&signin, &id, false).await?;
    let mut c = signin.kernel.db.read().await.map_err(internal_error)?;
    let pairs = keys::of_connection(&mut c, &connection.id).await.map_err(internal_error)?;
    let addresses = SpEndpoints::of(&signin.kernel.urls, &connection.id, &connection.settings);
    let xml = sp_metadata(&addresses, &connection.settings, &pairs).map_err(internal_error)?;
    Ok(([(header::CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response())
}
