//! The way to the identity provider.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::super::http::{broken, throttled};
use super::super::keys;
use super::super::request::{Addresses, authn_request};
use super::super::sign::new_message_id;
use super::find;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::signin::{SignIn, flow};

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    flow: Option<String>,
    return_to: Option<String>,
}

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
    let current = match &query.flow {
        Some(id) => flow::find(kernel, id, &browser).await.map_err(broken)?,
        None => None,
    };
    let current = current.filter(|flow| flow.account_id.as_deref() == Some(&connection.account_id));

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
    let mut tx = kernel.db.begin().await.map_err(broken)?;
    let flow_id = if let Some(flow) = current {
        flow::settle(&mut tx, &flow, &browser).await.map_err(broken)?
    } else {
        let begin = flow::Begin {
            account_id: Some(&connection.account_id),
            identifier: "",
            return_to: local_path(query.return_to.as_deref(), "/"),
            browser: &browser,
        };
        flow::begin(&mut tx, begin).await.map_err(broken)?
    };
    flow::send_out(&mut tx, &flow_id, &connection.id, &request_id).await.map_err(broken)?;
    tx.commit().await.map_err(broken)?;
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], sent).into_response())
}
