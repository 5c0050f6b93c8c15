//! What the addresses of all protocols share: refusals that tell a person what to do and an attacker nothing.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::connections::{self, Connection, TypedConnection};
use super::report::{Check, CheckFailed};
use crate::audit::{self, Action, Context, Event};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::signin::{Method, SignIn, Throttled, flow};

pub(super) fn refusal(status: StatusCode, title: &'static str, detail: &str) -> Refusal {
    Refusal::new(status, title, detail)
}

pub(super) fn internal_error(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a protocol's request failed");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", "Try again in a moment.")
}

pub(super) fn too_many_requests(throttled: Throttled) -> Refusal {
    refusal(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", "Wait a moment and try again.")
        .retry_after(throttled.retry_after)
}

/// The connection of this id, if it is of the protocol that `of_protocol` takes; one that is switched off exists only
/// for those who say so.
pub(super) async fn find_connection<C>(
    signin: &SignIn,
    id: &str,
    must_be_enabled: bool,
    of_protocol: impl FnOnce(TypedConnection) -> Option<C>,
) -> Result<C, Refusal> {
    let mut c = signin.kernel.db.read().await.map_err(internal_error)?;
    let found = connections::find_by_id_any_account(&mut c, id).await.map_err(internal_error)?;
    let found = found.filter(|connection| connection.is_enabled() || !must_be_enabled);
    let typed = found.ok_or_else(connection_unavailable)?.typed().map_err(|_| connection_unreadable())?;
    of_protocol(typed).ok_or_else(connection_unavailable)
}

/// The reason is in the log. Another node may be able to read it, so trying again may help.
fn connection_unreadable() -> Refusal {
    let detail = "This way of signing in is not available at present. Try again in a moment, or sign in another way. If \
                  it goes on, tell your administrator.";
    refusal(StatusCode::SERVICE_UNAVAILABLE, "Not available", detail).retry_after(10)
}

pub(super) fn connection_unavailable() -> Refusal {
    let detail =
        "This way of signing in does not exist or is switched off. Start again from your application.";
    refusal(StatusCode::NOT_FOUND, "Not found", detail)
}

/// How a sign-in at a provider is begun.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ProviderLoginQuery {
    /// The flow that leads there.
    flow: Option<String>,
    /// Without one: where the person wants to go.
    return_to: Option<String>,
}

/// Notes that the browser goes to the provider with the request `request_id`, in the flow it is in or in a new one.
/// Returns who they say they are, if they said.
pub(super) async fn record_request_in_flow(
    signin: &SignIn,
    connection: &Connection,
    request_id: &str,
    browser: &str,
    query: &ProviderLoginQuery,
) -> Result<String, Refusal> {
    let kernel = &signin.kernel;
    let current = match &query.flow {
        Some(id) => flow::find(kernel, id, browser).await.map_err(internal_error)?,
        None => None,
    };
    let current = current.filter(|flow| flow.account_id.as_deref() == Some(&connection.account_id));
    let mut tx = kernel.db.begin().await.map_err(internal_error)?;
    let flow_id = if let Some(flow) = &current {
        flow::persist(&mut tx, flow, browser).await.map_err(internal_error)?
    } else {
        let begin = flow::FlowStart {
            account_id: Some(&connection.account_id),
            identifier: "",
            return_to: local_path(query.return_to.as_deref(), "/"),
            browser,
        };
        flow::begin(&mut tx, begin).await.map_err(internal_error)?
    };
    flow::record_request(&mut tx, &flow_id, &connection.id, request_id).await.map_err(internal_error)?;
    tx.commit().await.map_err(internal_error)?;
    Ok(current.map(|flow| flow.identifier).unwrap_or_default())
}

/// Keeps the failed check for administrators.
pub(super) async fn record_refusal<C: Check + serde::Serialize>(
    signin: &SignIn,
    request: &RequestContext,
    connection: &Connection,
    action: Action,
    method: Method,
    failed: &CheckFailed<C>,
) -> Result<(), sqlx::Error> {
    let (kind, check) = (connection.stored_kind(), failed.check.as_str());
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
pub(super) async fn refuse_sign_in<C: Check + serde::Serialize>(
    signin: &SignIn,
    request: &RequestContext,
    connection: &Connection,
    method: Method,
    failed: &CheckFailed<C>,
) -> Refusal {
    if let Err(error) = record_refusal(signin, request, connection, Action::SignIn, method, failed).await {
        return internal_error(error);
    }
    refusal(
        StatusCode::FORBIDDEN,
        "Sign-in was not accepted",
        "The answer of your identity provider was not accepted. Start again from your application. If it happens \
         again, give the request id below to your administrator: the audit trail says which check failed.",
    )
}
