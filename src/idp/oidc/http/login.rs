//! The start of a sign-in at the provider.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::find_oidc_connection;
use crate::idp::Idp;
use crate::idp::http::{
    ProviderLoginQuery, internal_error, record_request_in_flow, refusal, too_many_requests,
};
use crate::idp::oidc::authorization::{AuthorizationPurpose, AuthorizationRequest};
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::flow::{self, ProviderRequest};

/// Sends the browser to the provider, in its current flow or in a new one.
pub(super) async fn begin(
    State(idp): State<Idp>,
    Path(id): Path<String>,
    Query(query): Query<ProviderLoginQuery>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let signin = &idp.signin;
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    let mut connection = find_oidc_connection(signin, &id, true).await?;
    // A provider that does not state when the user authenticated cannot show it.
    let states_auth_time = connection.settings.preset.spec().states_auth_time;
    let settings = Arc::make_mut(&mut connection.settings);
    settings.force_authn |= query.reauthenticate && states_auth_time;
    let provider = idp.oidc.discover(&signin.kernel, &connection).await.map_err(|error| {
        tracing::warn!(connection = %connection.id, %error, "an identity provider is unavailable");
        metrics::counter!("vestibule_oidc_discovery_failures_total").increment(1);
        refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "Your identity provider is unavailable",
            "Try again in a moment or use a different sign-in method. If the problem continues, contact your \
             administrator: a test of the connection shows the cause.",
        )
        .retry_after(10)
    })?;
    let names = flow::cookies(&signin.kernel);
    let browser = names.browser_secret(&headers);
    let now = signin.kernel.clock.now();
    let authorization = AuthorizationRequest::new(AuthorizationPurpose::SignIn, &connection.settings, now);
    let request = ProviderRequest { connection_id: &connection.id, id: &authorization.request, asked: None };
    let whom = record_request_in_flow(signin, &connection, request, &browser, &query).await?;
    let url = authorization.authorization_url(&signin.kernel, &connection, &provider, &browser, &whom);
    let url = url.map_err(internal_error)?;
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], Redirect::to(&url)).into_response())
}
