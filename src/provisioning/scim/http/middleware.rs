//! The middleware of the SCIM endpoints: authenticates the token, checks that the connection is enabled,
//! enforces the rate limit and the maximum size, and writes the request log.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vestibule_scim::limits::MAX_PAYLOAD_BYTES;

use super::client_cache::ClientCache;
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;
use crate::provisioning::scim::error::{Error, MEDIA_TYPE};
use crate::provisioning::scim::model::Provisioner;
use crate::provisioning::scim::rate_limits::ScimRateLimits;
use crate::provisioning::scim::request_log::{self, RequestLogEntry};
use crate::provisioning::scim::trace::Trace;

/// The middleware of all provisioning connections on this node.
#[derive(Clone)]
pub struct ScimMiddleware {
    kernel: Kernel,
    limits: Arc<ScimRateLimits>,
    client_cache: Arc<ClientCache>,
}

/// A request that is refused before it reaches an endpoint.
struct RequestRefusal {
    error: Error,
    /// Whether the refusal is logged. Of rate-limited requests, at most one a second is.
    should_log: bool,
}

impl ScimMiddleware {
    /// Creates the middleware with empty caches.
    #[must_use]
    pub fn new(kernel: Kernel) -> Self {
        let limits = Arc::new(ScimRateLimits::new(&kernel.clock));
        Self { limits, client_cache: Arc::default(), kernel }
    }

    /// Drops cached tokens, after an administrator changed something on this node.
    pub fn invalidate_caches(&self) {
        self.client_cache.invalidate();
    }

    /// Serves a request that presented `secret` as its bearer token.
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
            Err(refusal) => (refusal.error.into_response(), refusal.should_log),
        };
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            // The connection may just have been paused, and the cached client does not show that yet.
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

    /// Refuses requests over the rate limit, of a disabled connection, or with a body that is too large.
    fn check_request(&self, client: &Provisioner, request: &Request) -> Result<(), RequestRefusal> {
        if let Err(refused) = self.limits.check(&client.connection_id, client.settings.requests_per_second) {
            metrics::counter!("vestibule_scim_requests_throttled_total").increment(1);
            let detail = "This connection has exceeded its rate limit. Retry the request after a delay.";
            let error = Error::retry_later(StatusCode::TOO_MANY_REQUESTS, detail, refused.retry_after);
            return Err(RequestRefusal { error, should_log: refused.should_log });
        }
        if !client.enabled {
            let detail = "This connection is disabled. An administrator can enable it in the console.";
            return Err(RequestRefusal {
                error: Error::plain(StatusCode::FORBIDDEN, detail),
                should_log: true,
            });
        }
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if length.and_then(|text| text.parse().ok()).is_some_and(|bytes: usize| bytes > MAX_PAYLOAD_BYTES) {
            return Err(RequestRefusal { error: too_large(), should_log: true });
        }
        Ok(())
    }
}

/// The path and query below the base URL, as the identity provider knows them.
fn below_base(request: &Request) -> String {
    let uri = request.uri();
    let whole = uri.path_and_query().map_or(uri.path(), axum::http::uri::PathAndQuery::as_str);
    whole.strip_prefix("/scim/v2").unwrap_or(whole).to_owned()
}

/// A 413 that states the limit (RFC 7644 §3.7.4).
pub(super) fn too_large() -> Error {
    let detail = format!("The request body is larger than the limit of {MAX_PAYLOAD_BYTES} bytes.");
    Error::plain(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

/// Converts error responses of the framework, which refused before a handler ran, into SCIM errors.
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
                Error::plain(status, "This resource does not support this HTTP method.").into_response();
            if let Some(allowed) = response.headers().get(header::ALLOW) {
                refused.headers_mut().insert(header::ALLOW, allowed.clone());
            }
            refused
        }
        _ => Error::plain(status, "The request could not be processed.").into_response(),
    }
}
