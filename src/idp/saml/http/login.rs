//! The start of a sign-in at the identity provider.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::find_saml_connection;
use crate::idp::http::{ProviderLoginQuery, internal_error, record_request_in_flow, too_many_requests};
use crate::idp::saml::request::{SpEndpoints, authn_request, new_message_id};
use crate::idp::saml::{keys, requested};
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::SignIn;
use crate::signin::flow::{self, ProviderRequest};

/// Sends the browser to the identity provider, in its current flow or in a new one.
pub(super) async fn begin(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    Query(query): Query<ProviderLoginQuery>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    signin.throttle.check_step(request.address).map_err(too_many_requests)?;
    let mut connection = find_saml_connection(&signin, &id, true).await?;
    Arc::make_mut(&mut connection.settings).force_authn |= query.reauthenticate;
    let settings = &connection.settings;
    let kernel = &signin.kernel;
    let names = flow::cookies(kernel);
    let browser = names.browser_secret(&headers);
    let key = if settings.sign_requests {
        let mut c = kernel.db.read().await.map_err(internal_error)?;
        let pairs = keys::of_connection(&mut c, &connection.id).await.map_err(internal_error)?;
        drop(c);
        keys::signing_key(kernel, &pairs).await.map_err(internal_error)?
    } else {
        None
    };
    let request_id = new_message_id();
    let addresses = SpEndpoints::of(&kernel.urls, &connection.id, settings);
    let now = kernel.clock.now();
    let sent = authn_request(&addresses, settings, &request_id, None, now, key.as_deref())
        .map_err(internal_error)?;
    let asked = requested::to_stored(settings, now).map_err(internal_error)?;
    let request = ProviderRequest { connection_id: &connection.id, id: &request_id, asked: Some(&asked) };
    record_request_in_flow(&signin, &connection, request, &browser, &query).await?;
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], sent).into_response())
}
