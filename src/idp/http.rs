//! What the protocol endpoints share: finding the connection, recording requests in the flow, and refusals
//! that tell the user what to do without helping an attacker.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::connections::{self, Connection, TypedConnection};
use super::report::{Check, CheckFailed};
use crate::audit::{self, Action, Context, Event};
use crate::kernel::database::is_temporary;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::signin::flow::{self, ProviderRequest};
use crate::signin::{Method, SignIn, Throttled};

pub(super) fn refusal(status: StatusCode, title: &'static str, detail: &str) -> Refusal {
    Refusal::new(status, title, detail)
}

/// The refusal for an error that is not the user's. 503 where the cause passes by itself.
pub(super) fn internal_error(error: impl std::error::Error + 'static) -> Refusal {
    if has_temporary_cause(&error) {
        tracing::warn!(%error, "the database cannot serve a SAML or OpenID Connect request at present");
        let detail = "The server is too busy to continue. Wait a few seconds and try again.";
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable", detail).retry_after(10);
    }
    tracing::error!(%error, "a SAML or OpenID Connect request failed");
    let detail = "An internal error occurred. Try again in a moment.";
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", detail)
}

/// Errors that wrap one of the database name it as their source (`#[source]`). A transparent one would hide it.
fn has_temporary_cause(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|cause| cause.downcast_ref::<sqlx::Error>().is_some_and(is_temporary))
}

pub(super) fn too_many_requests(throttled: Throttled) -> Refusal {
    refusal(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", "Wait a moment and try again.")
        .retry_after(throttled.retry_after)
}

/// The connection with this id, if it speaks the protocol that `of_protocol` accepts. With
/// `must_be_enabled`, a connection that is switched off is treated as missing.
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

/// The reason is in the log. Another node may run a version that can read the connection, so a retry may
/// help.
fn connection_unreadable() -> Refusal {
    let detail = "This sign-in method is currently unavailable. Try again in a moment or use a different \
                  sign-in method. If the problem continues, contact your administrator.";
    refusal(StatusCode::SERVICE_UNAVAILABLE, "Sign-in method unavailable", detail).retry_after(10)
}

pub(super) fn connection_unavailable() -> Refusal {
    let detail = "This sign-in method does not exist or is disabled. Start again from your application.";
    refusal(StatusCode::NOT_FOUND, "Not found", detail)
}

/// The query of a provider's login endpoint.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ProviderLoginQuery {
    /// The id of the sign-in flow that led to the provider.
    flow: Option<String>,
    /// Where to go after the sign-in, if there is no flow yet.
    return_to: Option<String>,
    /// Whether the user must authenticate again at the provider, whatever the connection's settings are.
    pub(super) reauthenticate: bool,
}

/// Records that the browser is sent to the provider with `request`, in the current flow or in a new one.
/// Returns the identifier that the user typed in the flow; empty if there is none.
pub(super) async fn record_request_in_flow(
    signin: &SignIn,
    connection: &Connection,
    request: ProviderRequest<'_>,
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
    flow::record_request(&mut tx, &flow_id, request).await.map_err(internal_error)?;
    tx.commit().await.map_err(internal_error)?;
    Ok(current.map(|flow| flow.identifier).unwrap_or_default())
}

/// Records the failed check in the audit trail for administrators.
pub(super) async fn record_refusal<C: Check + serde::Serialize>(
    signin: &SignIn,
    request: &RequestContext,
    connection: &Connection,
    action: Action,
    method: Method,
    failed: &CheckFailed<C>,
) -> Result<(), sqlx::Error> {
    let (kind, check) = (connection.stored_kind(), failed.check.as_str());
    tracing::info!(connection = %connection.id, kind, check, "rejected a message from an identity provider");
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

/// Records the failed check and returns a refusal that does not reveal it.
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
        "Sign-in failed",
        "The response from your identity provider was not accepted. Start again from your application. If it \
         happens again, give the request ID below to your administrator: the audit trail shows which check \
         failed.",
    )
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
