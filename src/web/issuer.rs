//! The issuer of an account: its discovery document and its public keys. They hold nothing secret, so pages
//! of every origin may read them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::{AppState, Error};
use crate::access::{Guard, Routes};
use crate::apps::signing_keys::{self, Issuer};
use crate::directory::accounts::{self, Account};

/// The paths of the document: appended to the issuer (OpenID Connect Discovery §4), and inserted before its
/// path (RFC 8414 §3), with either name.
pub(super) fn routes() -> Routes<AppState> {
    Routes::default()
        .get("/a/{account}/.well-known/openid-configuration", Guard::Public, discovery)
        .get("/a/{account}/.well-known/oauth-authorization-server", Guard::Public, discovery)
        .get("/.well-known/openid-configuration/a/{account}", Guard::Public, discovery)
        .get("/.well-known/oauth-authorization-server/a/{account}", Guard::Public, discovery)
        .get("/a/{account}/jwks", Guard::Public, jwks)
}

const FOR_EVERYBODY: [(HeaderName, &str); 1] = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];

async fn find(app: &AppState, slug: &str) -> Result<Account, Error> {
    let account = accounts::by_slug(&mut *app.kernel.db.read().await?, slug).await?;
    account.ok_or_else(|| Error::not_found("account"))
}

async fn discovery(State(app): State<AppState>, Path(slug): Path<String>) -> Result<Response, Error> {
    let account = find(&app, &slug).await?;
    let issuer = Issuer::of(&app.kernel.urls, &account.slug);
    let document: Value = json!({"issuer": issuer.url(), "jwks_uri": issuer.jwks_uri()});
    Ok((FOR_EVERYBODY, Json(document)).into_response())
}

async fn jwks(State(app): State<AppState>, Path(slug): Path<String>) -> Result<Response, Error> {
    let account = find(&app, &slug).await?;
    let keys = signing_keys::public_keys(&app.kernel, &account.id).await?;
    Ok((FOR_EVERYBODY, Json(keys)).into_response())
}
