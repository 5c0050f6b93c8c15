//! HTTP: one server for browsers, provisioning clients and scripts.

pub mod api;
mod assets;
mod authenticated_request;
mod console;
mod email_links;
mod error;
mod flash;
mod forward_auth;
mod guard;
mod health;
mod login;
mod middleware;
mod page;
mod password_check;
mod profile;
mod server;
mod two_factor;

use std::sync::Arc;

use crate::access::{Principal, Routes};
use crate::admin::AdminRequest;
use crate::idp::{Idp, oidc, saml};
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;
use crate::provisioning::scim;
use crate::signin::SignIn;

use authenticated_request::AuthenticatedRequest;
pub use email_links::{create_first_password_link, ensure_setup_link};
pub use error::Error;
pub use server::{HttpServer, ServerError};

/// The state of the pages and the REST API. Cheap to clone, as every request does several times.
#[derive(Clone)]
pub struct AppState(Arc<AppStateInner>);

/// The content of [`App`], reached through `Deref`.
pub struct AppStateInner {
    /// Database, clock and the rest of what every room uses.
    pub kernel: Kernel,
    /// The sign-in services.
    pub signin: SignIn,
    /// The protocols of identity providers.
    idp: Idp,
    /// The gate of provisioning.
    scim: scim::ScimMiddleware,
    /// Where sign-ins lead to.
    idp_discovery: login::IdpDiscovery,
}

impl AppState {
    fn new(kernel: Kernel) -> Self {
        let signin = SignIn::new(kernel.clone());
        let idp = Idp::new(signin.clone());
        let (scim, doors) = (scim::ScimMiddleware::new(kernel.clone()), login::IdpDiscovery::default());
        Self(Arc::new(AppStateInner { kernel, signin, idp, scim, idp_discovery: doors }))
    }

    /// What `principal` asks of `admin` in `request`.
    fn admin_request<'a>(
        &'a self,
        principal: &'a Principal,
        request: &'a RequestContext,
    ) -> AdminRequest<'a> {
        AdminRequest::new(&self.idp, principal, request)
    }

    /// Has what is remembered for a moment looked at anew: something was changed on this node.
    fn invalidate_caches(&self) {
        self.scim.invalidate_caches();
        self.idp_discovery.invalidate_caches();
    }
}

impl std::ops::Deref for AppState {
    type Target = AppStateInner;
    fn deref(&self) -> &AppStateInner {
        &self.0
    }
}

/// Every route of the server, each with its guard.
#[must_use]
pub fn routes(app: &AppState) -> Routes<()> {
    let pages = health::routes()
        .merge(assets::routes())
        .merge(email_links::routes())
        .merge(password_check::routes())
        .merge(login::routes())
        .merge(two_factor::routes())
        .merge(profile::routes())
        .merge(console::routes())
        .merge(forward_auth::routes())
        .merge(api::routes());
    pages
        .with_state(app)
        .merge(saml::http::routes().with_state(&app.signin))
        .merge(oidc::http::routes().with_state(&app.idp))
        .merge(scim::http::routes().with_state(&app.kernel))
}

/// The same table without a server, for the tests that read it: `(method, path, guard)`.
#[must_use]
pub fn route_table(app: &AppState) -> Vec<(&'static str, String, crate::access::Guard)> {
    routes(app).table().map(|(method, path, guard)| (method, path.to_owned(), guard)).collect()
}
