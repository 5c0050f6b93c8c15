//! HTTP: one server for browsers, provisioning clients and scripts.

pub mod api;
mod assets;
mod console;
mod error;
mod forward_auth;
mod guard;
mod health;
mod links;
mod login;
mod middleware;
mod notice;
mod page;
mod password_check;
mod profile;
mod rules;
mod server;
mod two_factor;

use std::sync::Arc;

use crate::access::Routes;
use crate::idp::{Idp, oidc, saml};
use crate::kernel::Kernel;
use crate::provisioning::scim;
use crate::signin::SignIn;

pub use error::Error;
pub use links::{create_first_password_link, ensure_setup_link};
pub use server::{Server, StartError};

/// The state of the pages and the REST API. Cheap to clone, as every request does several times.
#[derive(Clone)]
pub struct App(Arc<Rooms>);

/// The content of [`App`], reached through `Deref`.
pub struct Rooms {
    /// Database, clock and the rest of what every room uses.
    pub kernel: Kernel,
    /// The sign-in services.
    pub signin: SignIn,
    /// The protocols of identity providers.
    idp: Idp,
    /// The gate of provisioning.
    scim: scim::Gate,
    /// Where sign-ins lead to.
    doors: login::Doors,
}

impl App {
    fn new(kernel: Kernel) -> Self {
        let signin = SignIn::new(kernel.clone());
        let idp = Idp::new(signin.clone());
        let (scim, doors) = (scim::Gate::new(kernel.clone()), login::Doors::default());
        Self(Arc::new(Rooms { kernel, signin, idp, scim, doors }))
    }

    /// Has what is remembered for a moment looked at anew: something was changed on this node.
    fn look_again(&self) {
        self.scim.look_again();
        self.doors.look_again();
    }
}

impl std::ops::Deref for App {
    type Target = Rooms;
    fn deref(&self) -> &Rooms {
        &self.0
    }
}

/// Every route of the server, each with its guard.
#[must_use]
pub fn routes(app: &App) -> Routes<()> {
    let pages = health::routes()
        .merge(assets::routes())
        .merge(links::routes())
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
pub fn route_table(app: &App) -> Vec<(&'static str, String, crate::access::Guard)> {
    routes(app).table().map(|(method, path, guard)| (method, path.to_owned(), guard)).collect()
}
