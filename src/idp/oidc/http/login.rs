//! The way to the provider.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::super::Idp;
use super::super::super::http::{LoginQuery, broken, refusal, send_out, throttled};
use super::super::sent::{Purpose, Sent};
use super::find;
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::flow;

/// Sends a browser to the provider, carrying on the flow it is in or beginning one.
pub(super) async fn begin(
    State(idp): State<Idp>,
    Path(id): Path<String>,
    Query(query): Query<LoginQuery>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let signin = &idp.signin;
    signin.throttle.address(request.address).map_err(throttled)?;
    let (connection, settings) = find(signin, &id, true).await?;
    let known = idp.oidc.known(&signin.kernel, &settings).await.map_err(|error| {
        tracing::warn!(connection = connection.id, %error, "a provider cannot be used");
        metrics::counter!("vestibule_oidc_discovery_failures_total").increment(1);
        refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "Your identity provider does not answer",
            "Try again in a moment, or sign in another way. If it goes on, tell your administrator: a test of the \
             connection says what is wrong.",
        )
        .retry_after(10)
    })?;
    let names = flow::cookies(&signin.kernel);
    let browser = names.browser(&headers);
    let sent = Sent::new(Purpose::SignIn);
    let whom = send_out(signin, (&connection, &sent.request), (&browser, &query)).await?;
    let url = sent.address(&signin.kernel, (&connection, &settings), (&known, &browser, &whom));
    let url = url.map_err(broken)?;
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], Redirect::to(&url)).into_response())
}
