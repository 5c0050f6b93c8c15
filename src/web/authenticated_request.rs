//! The extractor of handlers behind a guard: a request with its principal and the services that answer it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::AppState;
use crate::access::Principal;
use crate::admin::AdminRequest;
use crate::kernel::http::RequestContext;

/// A request whose principal the route's guard has identified.
pub(super) struct AuthenticatedRequest {
    pub(super) app: AppState,
    pub(super) principal: Principal,
    http: RequestContext,
}

impl AuthenticatedRequest {
    /// The request as the operations of `admin` take it, which know nothing of HTTP.
    pub(super) fn admin(&self) -> AdminRequest<'_> {
        self.app.admin_request(&self.principal, &self.http)
    }
}

impl FromRequestParts<AppState> for AuthenticatedRequest {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Response> {
        let principal =
            Principal::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let http =
            RequestContext::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        Ok(Self { app: app.clone(), principal, http })
    }
}
