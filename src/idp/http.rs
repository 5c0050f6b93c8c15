//! What the addresses of all protocols share: refusals that tell a person what to do and an attacker nothing.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::connections::{self, Connection};
use super::report::{Check, Failed};
use crate::audit::{self, Action, Context, Event};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::signin::{Method, SignIn, Throttled, flow};

pub(super) fn refusal(status: StatusCode, title: &'static str, detail: &str) -> Refusal {
    Refusal::new(status, title, detail)
}

pub(super) fn broken(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a protocol's request failed");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "Try again in a moment.")
}

pub(super) fn throttled(throttled: Throttled) -> Refusal {
    refusal(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", "Wait a moment and try again.")
        .retry_after(throttled.retry_after)
}

/// The connection of this id whose settings `read` can read; one that is switched off exists only for those who
/// say so.
pub(super) async fn find<T>(
    signin: &SignIn,
    (id, enabled): (&str, bool),
    read: impl FnOnce(&Connection) -> Option<T>,
) -> Result<(Connection, T), Refusal> {
    let mut c = signin.kernel.db.read().await.map_err(broken)?;
    let found = connections::anywhere(&mut c, id).await.map_err(broken)?;
    found
        .filter(|connection| connection.is_enabled() || !enabled)
        .and_then(|connection| read(&connection).map(|settings| (connection, settings)))
        .ok_or_else(switched_off)
}

pub(super) fn switched_off() -> Refusal {
    let detail =
        "This way of signing in does not exist or is switched off. Start again from your application.";
    refusal(StatusCode::NOT_FOUND, "Not found", detail)
}

/// How a sign-in at a provider is begun.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct LoginQuery {
    /// The flow that leads there.
    flow: Option<String>,
    /// Without one: where the person wants to go.
    return_to: Option<String>,
}

/// Notes that the browser goes to the provider with the request `request_id`, in the flow it is in or in a new one.
/// Returns who they say they are, if they said.
pub(super) async fn send_out(
    signin: &SignIn,
    (connection, request_id): (&Connection, &str),
    (browser, query): (&str, &LoginQuery),
) -> Result<String, Refusal> {
    let kernel = &signin.kernel;
    let current = match &query.flow {
        Some(id) => flow::find(kernel, id, browser).await.map_err(broken)?,
        None => None,
    };
    let current = current.filter(|flow| flow.account_id.as_deref() == Some(&connection.account_id));
    let mut tx = kernel.db.begin().await.map_err(broken)?;
    let flow_id = if let Some(flow) = &current {
        flow::settle(&mut tx, flow, browser).await.map_err(broken)?
    } else {
        let begin = flow::Begin {
            account_id: Some(&connection.account_id),
            identifier: "",
            return_to: local_path(query.return_to.as_deref(), "/"),
            browser,
        };
        flow::begin(&mut tx, begin).await.map_err(broken)?
    };
    flow::send_out(&mut tx, &flow_id, &connection.id, request_id).await.map_err(broken)?;
    tx.commit().await.map_err(broken)?;
    Ok(current.map(|flow| flow.identifier).unwrap_or_default())
}

/// Keeps the failed check for administrators.
pub(super) async fn record_refusal<C: Check + serde::Serialize>(
    signin: &SignIn,
    request: &RequestContext,
    (connection, action, method): (&Connection, Action, Method),
    failed: &Failed<C>,
) -> Result<(), sqlx::Error> {
    let (kind, check) = (connection.kind().as_str(), failed.check.as_str());
    tracing::info!(connection = connection.id, kind, check, "a provider's message was refused");
    let context = Context::anonymous(&connection.account_id, "unknown", request);
    let detail = json!({
        "method": method,
        "check": failed.check,
        "expected": failed.expected,
        "found": failed.found,
        "checks": failed.report.checks,
    });
    let event = Event::new(action, "connection", &connection.id, &connection.name);
    let mut tx = signin.kernel.db.begin().await?;
    audit::record(&mut tx, &context, event.refused(&format!("{kind}_{check}")).detail(detail)).await?;
    tx.commit().await
}

/// Tells the person nothing an attacker could use.
pub(super) async fn refuse<C: Check + serde::Serialize>(
    signin: &SignIn,
    request: &RequestContext,
    about: (&Connection, Action, Method),
    failed: &Failed<C>,
) -> Refusal {
    if let Err(error) = record_refusal(signin, request, about, failed).await {
        return broken(error);
    }
    refusal(
        StatusCode::FORBIDDEN,
        "Sign-in was not accepted",
        "The answer of your identity provider was not accepted. Start again from your application. If it happens \
         again, give the request id below to your administrator: the audit trail says which check failed.",
    )
}
