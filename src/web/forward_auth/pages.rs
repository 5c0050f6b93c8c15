//! Pages on the host of an application. Its paths belong to the application, so the stylesheet comes from this
//! server's own address.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::access::Principal;
use crate::apps::Application;
use crate::web::{AppState, Error, page};

#[derive(Template)]
#[template(path = "apps/no_access.html")]
struct NoAccessPage<'a> {
    origin: &'a str,
    application: &'a str,
    user: &'a str,
}

#[derive(Template)]
#[template(path = "apps/sign_out.html")]
struct ApplicationSignOutPage<'a> {
    origin: &'a str,
    application: &'a str,
    user: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "apps/sign_in_failed.html")]
struct SignInFailedPage<'a> {
    origin: &'a str,
    application: &'a str,
}

/// Renders a page whose stylesheet and icon may come from this server.
fn render(app: &AppState, status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    let mut response = page::render_with_status(status, page)?;
    let origin = app.kernel.urls.origin();
    let policy = format!(
        "default-src 'none'; style-src {origin}; img-src {origin}; base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::from_str(&policy).map_err(|error| Error::Internal(error.to_string()))?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// The user is signed in and has no access to the application.
pub(super) fn no_access(
    app: &AppState,
    application: &Application,
    principal: &Principal,
) -> Result<Response, Error> {
    let origin = app.kernel.urls.origin();
    let page = NoAccessPage { origin, application: &application.name, user: &principal.name };
    render(app, StatusCode::FORBIDDEN, &page)
}

/// Asks before signing out, because a link from another site must not sign a user out.
pub(super) fn sign_out(
    app: &AppState,
    application: &Application,
    principal: Option<&Principal>,
) -> Result<Response, Error> {
    let user = principal.map(|principal| principal.name.as_str());
    let page =
        ApplicationSignOutPage { origin: app.kernel.urls.origin(), application: &application.name, user };
    render(app, StatusCode::OK, &page)
}

/// A code that is not valid here.
pub(super) fn sign_in_failed(app: &AppState, application: &Application) -> Result<Response, Error> {
    let page = SignInFailedPage { origin: app.kernel.urls.origin(), application: &application.name };
    render(app, StatusCode::FORBIDDEN, &page)
}
