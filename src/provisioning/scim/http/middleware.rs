//! What stands between the token and the endpoints: whether the connection is on, how many requests it may make, how
//! large they may be; and the log of what came of each.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::client_cache::ClientCache;
use super::{MEDIA_TYPE, Provisioner};
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;
use crate::provisioning::scim::bulk::MAX_PAYLOAD;
use crate::provisioning::scim::error::Error;
use crate::provisioning::scim::rate_limits::ScimRateLimits;
use crate::provisioning::scim::request_log::{self, RequestLogEntry};
use crate::provisioning::scim::trace::Trace;

/// The gate of all connections.
#[derive(Clone)]
pub struct ScimMiddleware {
    kernel: Kernel,
    limits: Arc<ScimRateLimits>,
    client_cache: Arc<ClientCache>,
}

impl ScimMiddleware {
    /// The gate of this node.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        let limits = Arc::new(ScimRateLimits::new(&kernel.clock));
        Self { limits, client_cache: Arc::default(), kernel }
    }

    /// Has tokens looked at anew: an administrator has changed something on this node.
    pub fn invalidate_caches(&self) {
        self.client_cache.invalidate();
    }

    /// Serves a request that shows this token.
    pub async fn serve(&self, secret: Option<&str>, request: Request, next: Next) -> Response {
        let begun = Instant::now();
        let found = match secret {
            Some(secret) => self.client_cache.identify(&self.kernel, secret).await,
            None => Ok(None),
        };
        match found {
            Ok(Some(client)) => self.serve_and_log(begun, client, request, next).await,
            Ok(None) => Error::unauthorized().into_response(),
            Err(error) => error.into_response(),
        }
    }

    async fn serve_and_log(
        &self,
        begun: Instant,
        client: Provisioner,
        mut request: Request,
        next: Next,
    ) -> Response {
        let (method, path) = (request.method().as_str().to_owned(), below_base(&request));
        let request_id =
            request.extensions().get::<RequestContext>().map(|context| context.request_id.clone());
        let (mut response, should_log) = match self.check_request(&client, &request) {
            Ok(()) => {
                request.extensions_mut().insert(client.clone());
                (as_scim_error(next.run(request).await), true)
            }
            Err((error, noted)) => (error.into_response(), noted),
        };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            // It may have been paused just now.
            self.client_cache.invalidate();
        }
        if should_log {
            let mut entries = response.extensions_mut().remove::<Vec<RequestLogEntry>>().unwrap_or_default();
            entries.push(RequestLogEntry {
                method,
                path,
                status: response.status().as_u16(),
                duration: begun.elapsed(),
                trace: response.extensions().get::<Trace>().cloned().unwrap_or_default(),
                error: response.extensions().get::<Error>().cloned(),
            });
            for entry in entries {
                request_log::append(&self.kernel, &client, request_id.as_deref().unwrap_or_default(), entry)
                    .await;
            }
        }
        response
    }

    /// Refuses what is not to be served; and whether the log is told.
    fn check_request(&self, client: &Provisioner, request: &Request) -> Result<(), (Error, bool)> {
        if let Err(refused) = self.limits.check(&client.connection_id, client.settings.requests_per_second) {
            metrics::counter!("vestibule_scim_requests_throttled_total").increment(1);
            let detail = "Too many requests a second for this connection. Come again.";
            let error = Error::retry_later(StatusCode::TOO_MANY_REQUESTS, detail, refused.retry_after);
            return Err((error, refused.should_log));
        }
        if !client.enabled {
            let detail = "This connection is switched off. An administrator can switch it on in the console.";
            return Err((Error::plain(StatusCode::FORBIDDEN, detail), true));
        }
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if length.and_then(|text| text.parse().ok()).is_some_and(|bytes: usize| bytes > MAX_PAYLOAD) {
            return Err((too_large(), true));
        }
        Ok(())
    }
}

/// The path and query as the identity provider knows them.
fn below_base(request: &Request) -> String {
    let uri = request.uri();
    let whole = uri.path_and_query().map_or(uri.path(), axum::http::uri::PathAndQuery::as_str);
    whole.strip_prefix("/scim/v2").unwrap_or(whole).to_owned()
}

/// RFC 7644 §3.7.4: a request that is too large is told the limit.
pub(super) fn too_large() -> Error {
    let detail = format!("A request may have {MAX_PAYLOAD} bytes at most.");
    Error::plain(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Every answer of these endpoints is SCIM's, also where the framework refused before a handler ran.
fn as_scim_error(response: Response) -> Response {
    let status = response.status();
    let is_scim = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
    if is_scim || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => too_large().into_response(),
        StatusCode::METHOD_NOT_ALLOWED => {
            let mut refused =
                Error::plain(status, "This resource cannot be asked for in this way.").into_response();
            if let Some(allowed) = response.headers().get(header::ALLOW) {
                refused.headers_mut().insert(header::ALLOW, allowed.clone());
            }
            refused
        }
        _ => Error::plain(status, "The request could not be read.").into_response(),
    }
}
