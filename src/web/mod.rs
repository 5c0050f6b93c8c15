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
mod issuer;
mod listener;
mod login;
mod middleware;
mod page;
mod password_check;
mod profile;
mod server;
mod two_factor;
mod untrusted_proxies;

use std::sync::Arc;

use crate::access::{Principal, Routes};
use crate::admin::AdminRequest;
use crate::apps::signing_keys::SigningKeys;
use crate::idp::{Idp, oidc, saml};
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;
use crate::provisioning::scim;
use crate::signin::SignIn;

use authenticated_request::AuthenticatedRequest;
pub use email_links::{create_first_password_link, ensure_setup_link};
pub use error::Error;
pub use listener::ConnectionLimits;
pub use server::{HttpServer, ServerError};

/// The state of the pages and the REST API. Cheap to clone, as every request does several times.
#[derive(Clone)]
pub struct AppState(Arc<AppStateInner>);

/// The content of [`AppState`], reached through `Deref`.
pub struct AppStateInner {
    /// Database, clock, keys and the other shared services.
    pub kernel: Kernel,
    /// The sign-in services.
    pub signin: SignIn,
    /// The identity provider protocols.
    idp: Idp,
    /// Authenticates provisioning clients and limits their requests.
    scim: scim::ScimMiddleware,
    /// The cached accounts and connections that sign-ins are routed to.
    idp_discovery: login::IdpDiscovery,
    /// The active signing keys of the accounts.
    signing_keys: SigningKeys,
    /// The reverse proxies that are not trusted.
    untrusted_proxies: untrusted_proxies::UntrustedProxies,
}

impl AppState {
    fn new(kernel: Kernel) -> Self {
        let signin = SignIn::new(kernel.clone());
        let idp = Idp::new(signin.clone());
        let (scim, doors) = (scim::ScimMiddleware::new(kernel.clone()), login::IdpDiscovery::default());
        Self(Arc::new(AppStateInner {
            kernel,
            signin,
            idp,
            scim,
            idp_discovery: doors,
            signing_keys: SigningKeys::default(),
            untrusted_proxies: untrusted_proxies::UntrustedProxies::default(),
        }))
    }

    /// The request of an `admin` operation in which `principal` acts.
    fn admin_request<'a>(
        &'a self,
        principal: &'a Principal,
        request: &'a RequestContext,
    ) -> AdminRequest<'a> {
        AdminRequest::new(&self.idp, principal, request)
    }

    /// Drops the cached answers of this node after a change.
    fn invalidate_caches(&self) {
        self.scim.invalidate_caches();
        self.idp_discovery.invalidate_caches();
        self.signing_keys.invalidate();
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
        .merge(issuer::routes())
        .merge(api::routes());
    pages
        .with_state(app)
        .merge(saml::http::routes().with_state(&app.signin))
        .merge(oidc::http::routes().with_state(&app.idp))
        .merge(scim::http::routes().with_state(&app.kernel))
}

/// The route table as `(method, path, guard)`, for tests.
#[must_use]
pub fn route_table(app: &AppState) -> Vec<(&'static str, String, crate::access::Guard)> {
    routes(app).table().map(|(method, path, guard)| (method, path.to_owned(), guard)).collect()
}
