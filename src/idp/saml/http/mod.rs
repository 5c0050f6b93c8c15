//! The addresses of a SAML connection.

mod acs;
mod login;
mod logout;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::super::connections::{Connection, SamlSettings};
use super::super::http;
use super::super::http::broken;
use super::keys;
use super::request::{Addresses, sp_metadata};
use crate::access::{Guard, Routes};
use crate::kernel::http::Refusal;
use crate::signin::SignIn;

/// The routes under `/saml`.
#[must_use]
pub fn routes() -> Routes<SignIn> {
    Routes::default()
        .get("/saml/{connection}/login", Guard::Public, login::begin)
        .get("/saml/{connection}/metadata", Guard::Public, metadata)
        .post("/saml/{connection}/acs", Guard::Callback, acs::receive)
        .get("/saml/{connection}/slo", Guard::Public, logout::by_address)
        .post("/saml/{connection}/slo", Guard::Callback, logout::by_form)
}

/// The SAML connection of this id; one that is switched off exists only for those who say so.
async fn find(signin: &SignIn, id: &str, enabled: bool) -> Result<(Connection, SamlSettings), Refusal> {
    http::find(signin, (id, enabled), Connection::saml).await
}

/// Our metadata, for the identity provider's administrator.
async fn metadata(State(signin): State<SignIn>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let (connection, settings) = find(&signin, &id, false).await?;
    let mut c = signin.kernel.db.read().await.map_err(broken)?;
    let pairs = keys::of_connection(&mut c, &connection.id).await.map_err(broken)?;
    let addresses = Addresses::of(&signin.kernel.urls, &connection.id, &settings);
    let xml = sp_metadata(&addresses, &settings, &pairs).map_err(broken)?;
    Ok(([(header::CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response())
}
