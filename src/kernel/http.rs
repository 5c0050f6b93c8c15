//! The parts of HTTP every protocol room shares: who is asking from where, and how a refusal
//! travels to the one place that renders it.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A request that takes longer is answered without its result.
pub const REQUEST_TIME_LIMIT: Duration = Duration::from_secs(30);

/// What is known about a request before anybody is identified. Set by the outermost middleware.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Appears in the log, in audit events and on error pages.
    pub request_id: String,
    /// The client's address, read through trusted proxies only.
    pub address: IpAddr,
    /// The `User-Agent`, cut to 256 characters.
    pub user_agent: String,
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = StatusCode;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A refusal, in words for a person. It carries no internals: those go to the log where they happened.
///
/// Rooms below `web` cannot render pages; they answer with this, and `web` turns it into a page or
/// into problem+json as the client can read.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What happened, a few words.
    pub title: &'static str,
    /// What to do next, a sentence or two.
    pub detail: String,
    /// Seconds until a retry makes sense, for 429 and 503.
    pub retry_after: Option<u64>,
    /// The offending member, for 422.
    pub field: Option<String>,
}

impl Refusal {
    /// A refusal with this status and words.
    #[must_use]
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into(), retry_after: None, field: None }
    }

    /// Asks the client to come back after `seconds`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Names the member of the request that is wrong.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
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

/// A form that the browser takes to another site, such as an identity provider's.
///
/// Rooms below `web` cannot render pages; they answer with this, and `web` makes the page that sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostForm {
    /// Where to.
    pub url: String,
    /// Its hidden fields.
    pub fields: Vec<(&'static str, String)>,
}

impl IntoResponse for PostForm {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The value of a cookie in a request.
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

/// The credential of `Authorization: Bearer …`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credential) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}
