//! HTTP types that every protocol module shares: what is known about a request before authentication, and
//! errors and forms as data. Modules below `web` cannot render pages; they return these types and `web`
//! renders them.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A request that takes longer is answered without its result.
pub const REQUEST_TIME_LIMIT: Duration = Duration::from_secs(30);

/// What is known about a request before authentication. The outermost middleware sets it.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Also written to the log and to audit events and shown on error pages, so that support can match
    /// them.
    pub request_id: String,
    /// The client's address. `X-Forwarded-For` counts only when it comes from a trusted proxy.
    pub address: IpAddr,
    /// The `User-Agent` header, truncated to 256 characters.
    pub user_agent: String,
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = StatusCode;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// What the limits count as one client. An IPv6 /64 counts as one address, because an attacker usually controls
/// a whole one.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
    }
}

/// An error response in words for the user. It carries no internals: those are logged where the error
/// occurred.
///
/// `web` renders it as a page or as problem+json (RFC 9457), depending on what the client accepts.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What the user can do next, in one or two sentences.
    pub detail: String,
    /// Seconds until a retry makes sense, for 429 and 503.
    pub retry_after: Option<u64>,
    /// What is wrong with which member of the request.
    pub errors: Vec<FieldError>,
}

/// What is wrong with one member of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The member, such as `name`, or `password.min_length` for a member of an object.
    pub field: String,
    /// What is wrong with it, such as `is required`.
    pub message: String,
}

impl FieldError {
    /// What is wrong with `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl Refusal {
    /// A refusal with this status, title and detail.
    #[must_use]
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), retry_after: None, errors: Vec::new() }
    }

    /// Sets the number of seconds after which the client should retry.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds what is wrong with a member of the request.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError::new(field, message));
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A form that the browser posts to another site, such as an identity provider.
///
/// `web` renders the page that submits it automatically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostForm {
    /// The form's `action`.
    pub url: String,
    /// The hidden fields.
    pub fields: Vec<(&'static str, String)>,
}

impl IntoResponse for PostForm {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The value of a request cookie.
#[must_use]
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The credential in `Authorization: Bearer …`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credential) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}
