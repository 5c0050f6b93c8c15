//! The addresses of a SAML connection.

mod acs;
mod login;
mod logout;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::super::connections::{self, Connection, SamlSettings};
use super::judge::Failed;
use super::keys;
use super::request::{Addresses, sp_metadata};
use crate::access::{Guard, Routes};
use crate::audit::{self, Action, Context, Event};
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::{Method, SignIn, Throttled};

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

fn refusal(status: StatusCode, title: &'static str, detail: &str) -> Refusal {
    Refusal::new(status, title, detail)
}

fn broken(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "SAML request failed");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "Try again in a moment.")
}

fn throttled(throttled: Throttled) -> Refusal {
    refusal(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", "Wait a moment and try again.")
        .retry_after(throttled.retry_after)
}

/// The SAML connection of this id; one that is switched off exists only for those who say so.
async fn find(signin: &SignIn, id: &str, enabled: bool) -> Result<(Connection, SamlSettings), Refusal> {
    let mut c = signin.kernel.db.read().await.map_err(broken)?;
    let found = connections::anywhere(&mut c, id).await.map_err(broken)?;
    found
        .filter(|connection| connection.is_enabled() || !enabled)
        .and_then(|connection| connection.saml().map(|settings| (connection, settings)))
        .ok_or_else(switched_off)
}

fn switched_off() -> Refusal {
    let detail =
        "This way of signing in does not exist or is switched off. Start again from your application.";
    refusal(StatusCode::NOT_FOUND, "Not found", detail)
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

/// Keeps the failed check for administrators.
async fn record_refusal(
    signin: &SignIn,
    request: &RequestContext,
    (connection, action): (&Connection, Action),
    failed: &Failed,
) -> Result<(), sqlx::Error> {
    tracing::info!(connection = connection.id, check = failed.check.as_str(), "SAML message refused");
    let context = Context::anonymous(&connection.account_id, "unknown", request);
    let reason = format!("saml_{}", failed.check.as_str());
    let detail = json!({
        "method": Method::Saml,
        "check": failed.check,
        "expected": failed.expected,
        "found": failed.found,
        "checks": failed.report.checks,
    });
    let event = Event::new(action, "connection", &connection.id, &connection.name);
    let mut tx = signin.kernel.db.begin().await?;
    audit::record(&mut tx, &context, event.refused(&reason).detail(detail)).await?;
    tx.commit().await
}
