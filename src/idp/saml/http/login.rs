//! The way to the identity provider.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::super::super::http::{LoginQuery, broken, send_out, throttled};
use super::super::keys;
use super::super::request::{Addresses, authn_request};
use super::super::sign::new_message_id;
use super::find;
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::{SignIn, flow};

/// Sends a browser to the identity provider, carrying on the flow it is in or beginning one.
pub(super) async fn begin(
    State(signin): State<SignIn>,
    Path(id): Path<String>,
    Query(query): Query<LoginQuery>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    signin.throttle.address(request.address).map_err(throttled)?;
    let (connection, settings) = find(&signin, &id, true).await?;
    let kernel = &signin.kernel;
    let names = flow::cookies(kernel);
    let browser = names.browser(&headers);
    let key = if settings.sign_requests {
        let mut c = kernel.db.read().await.map_err(broken)?;
        let pairs = keys::of_connection(&mut c, &connection.id).await.map_err(broken)?;
        drop(c);
        keys::signing_key(kernel, &pairs).await.map_err(broken)?
    } else {
        None
    };
    let request_id = new_message_id();
    let addresses = Addresses::of(&kernel.urls, &connection.id, &settings);
    let sent = authn_request(&addresses, &settings, (&request_id, None), kernel.clock.now(), key.as_deref())
        .map_err(broken)?;
    send_out(&signin, (&connection, &request_id), (&browser, &query)).await?;
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], sent).into_response())
}
