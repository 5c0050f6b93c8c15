//! What every request passes through, from the outside in: request id and address, log and metrics,
//! rendering of refusals, security headers, the time limit.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ipnet::IpNet;
use tracing::Instrument as _;

use super::{AppState, error, page};
use crate::kernel::http::{PostForm, REQUEST_TIME_LIMIT, Refusal, RequestContext};
use crate::kernel::{ids, metrics};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Allows our own stylesheet, scripts and images only, and no framing. `form-action` is absent, because
/// forms post and redirect to identity providers.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'";

/// Processes a request as described in the module's documentation.
pub(super) async fn process_request(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let context = request_context(&app, &request);
    let request_id = context.request_id.clone();
    let address = context.address;
    request.extensions_mut().insert(context);
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();

    // None of our URLs contains a NUL, and PostgreSQL cannot store one in a text column.
    let response = if request.uri().path_and_query().is_some_and(|wanted| wanted.as_str().contains("%00")) {
        error::status_refusal(StatusCode::BAD_REQUEST).into_response()
    } else {
        // At the level `trace`, this span assigns statements, commits and password hashes to their request.
        let span = tracing::trace_span!("request", request_id);
        answer_within(REQUEST_TIME_LIMIT, next.run(request).instrument(span)).await
    };
    let mut response = render_refusal(render_post_form(response), &path, &request_id);
    let status = response.status();
    let took = started.elapsed();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    metrics::count_request(route, status.as_u16(), took);
    tracing::debug!(request_id, %address, %method, path, status = status.as_u16(), ?took, "request");
    // 503 reports overload. It is counted in the metrics above; logging each would add load and tell
    // nothing new.
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(request_id, %method, path, status = status.as_u16(), "request failed");
    } else if took >= REQUEST_TIME_LIMIT {
        let status = status.as_u16();
        tracing::warn!(request_id, %method, path, status, "request exceeded the time limit");
    }
    set_security_headers(&app, &path, response.headers_mut());
    if let Ok(id) = request_id.parse() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The answer, or a refusal if there is none within `limit`: 503 and not 408, which would mean that the
/// client was too slow.
async fn answer_within(limit: Duration, answer: impl Future<Output = Response>) -> Response {
    let answered = tokio::time::timeout(limit, answer).await;
    answered.unwrap_or_else(|_| error::time_limit_refusal().into_response())
}

fn request_context(app: &AppState, request: &Request) -> RequestContext {
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |c| c.0.ip());
    let user_agent =
        request.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let server = &app.kernel.config.server;
    // A question about an application's request is counted with its application.
    let is_counted = request.headers().contains_key("x-forwarded-for")
        && !request.uri().path().starts_with("/forward-auth/");
    if is_counted && !server.trusts(peer.to_canonical()) {
        app.untrusted_proxies.note(&app.kernel, peer.to_canonical(), false);
    }
    RequestContext {
        request_id: ids::new_id(app.kernel.clock.now()),
        address: client_address(peer, request.headers(), &server.trusted_proxies),
        user_agent: user_agent.chars().take(256).collect(),
    }
}

/// Walks `X-Forwarded-For` from the right, past the trusted proxies, to the first other address. Entries
/// further left were set by an untrusted client and may be forged.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_proxy = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut client = peer.to_canonical();
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in chain.into_iter().rev() {
        if !is_proxy(&client) {
            break;
        }
        let Some(ip) = parse_hop(hop) else { break };
        client = ip.to_canonical();
    }
    client
}

/// The address of an entry. Some proxies, such as Azure Application Gateway, write the port as well.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|peer| peer.ip()))
}

/// A page that submits a form to another site: by script, or by its button where scripts are disabled.
#[derive(Template)]
#[template(path = "signin/carry.html")]
struct PostFormPage {
    form: PostForm,
}

fn render_post_form(mut response: Response) -> Response {
    let Some(form) = response.extensions_mut().remove::<PostForm>() else { return response };
    let mut rendered = match page::render(&PostFormPage { form }) {
        Ok(page) => page,
        Err(error) => return error.into_response(),
    };
    for cookie in response.headers().get_all(header::SET_COOKIE) {
        rendered.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    rendered
}

/// Renders a refusal for the client of `path`. Errors without a body, from the router and the limits, are
/// rendered too.
fn render_refusal(mut response: Response, path: &str, request_id: &str) -> Response {
    let status = response.status();
    let refusal = match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => refusal,
        None if status.is_client_error() || status.is_server_error() => {
            let kind = response
                .headers()
                .get(header::CONTENT_TYPE)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default();
            // Pages, problem details and SCIM errors are rendered already.
            if kind.contains("html") || kind.contains("json") {
                return response;
            }
            error::status_refusal(status)
        }
        None => return response,
    };
    let mut rendered = error::render(path, &refusal, request_id);
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE, header::ALLOW, header::SET_COOKIE] {
        if let Some(value) = response.headers().get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

fn set_security_headers(app: &AppState, path: &str, headers: &mut HeaderMap) {
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    // Keeps one-time codes in links from leaking to other sites. "no-referrer" would make browsers send
    // "Origin: null" from our own forms, which CSRF protection refuses where there is no Sec-Fetch-Site.
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    if !path.starts_with("/assets/") {
        set(header::CACHE_CONTROL, "no-store");
    }
    // At the host of an application, whether its subdomains have https is for the application to say.
    let is_elsewhere = path.starts_with("/.vestibule/") || path.starts_with("/forward-auth/");
    if app.kernel.urls.is_https() && !is_elsewhere {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
}

#[cfg(test)]
#[path = "middleware_tests.rs"]
mod tests;
