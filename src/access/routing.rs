//! The route table. A route cannot be declared without its guard, and the server enforces the guard before
//! the handler runs. The tests read the same table and try every route with principals that must not use
//! it.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::Permission;

/// What a route requires of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// No authentication, as for the sign-in pages and health checks.
    Public,
    /// A protocol callback. It is exempt from CSRF protection because it comes from another site by design,
    /// uses no cookie and carries its own proof.
    Callback,
    /// Any session or API token. The handler limits it to the principal's own data.
    SignedIn,
    /// Like `SignedIn`, but also for a session that must still enrol or present a second factor: these
    /// routes let it do so.
    RestrictedSession,
    /// A principal with this permission.
    Requires(Permission),
    /// A provisioning token.
    Scim,
    /// A request at the host of an application, which its reverse proxy asks about or passes on. The handler
    /// identifies the session or token for this application; no credential of the console or the REST API
    /// counts. It is of another origin by design; a handler that changes something checks its origin.
    Application,
}

/// One declared route.
pub struct GuardedRoute<S> {
    /// The path in axum's notation.
    pub path: String,
    /// `GET`, `POST` …
    pub method: &'static str,
    /// What the route requires.
    pub guard: Guard,
    /// The handler.
    pub handler: MethodRouter<S>,
}

/// The routes of a module.
pub struct Routes<S>(Vec<GuardedRoute<S>>);

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Declares a GET route.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &str, guard: Guard, handler: H) -> Self {
        self.route(path, "GET", guard, on(MethodFilter::GET, handler))
    }

    /// Declares a POST route.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &str, guard: Guard, handler: H) -> Self {
        self.route(path, "POST", guard, on(MethodFilter::POST, handler))
    }

    /// Declares a PUT route.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(self, path: &str, guard: Guard, handler: H) -> Self {
        self.route(path, "PUT", guard, on(MethodFilter::PUT, handler))
    }

    /// Declares a PATCH route.
    #[must_use]
    pub fn patch<H: Handler<T, S>, T: 'static>(self, path: &str, guard: Guard, handler: H) -> Self {
        self.route(path, "PATCH", guard, on(MethodFilter::PATCH, handler))
    }

    /// Declares a DELETE route.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(self, path: &str, guard: Guard, handler: H) -> Self {
        self.route(path, "DELETE", guard, on(MethodFilter::DELETE, handler))
    }

    /// Declares a route with a ready-made method router.
    #[must_use]
    pub fn route(mut self, path: &str, method: &'static str, guard: Guard, handler: MethodRouter<S>) -> Self {
        self.0.push(GuardedRoute { path: path.to_owned(), method, guard, handler });
        self
    }

    /// Adds the routes of another module.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Provides the handlers' state.
    #[must_use]
    pub fn with_state<T: Clone + Send + Sync + 'static>(self, state: &S) -> Routes<T> {
        let attach_state = |route: GuardedRoute<S>| GuardedRoute {
            path: route.path,
            method: route.method,
            guard: route.guard,
            handler: route.handler.with_state(state.clone()),
        };
        Routes(self.0.into_iter().map(attach_state).collect())
    }

    /// `(method, path, guard)` of every route.
    pub fn table(&self) -> impl Iterator<Item = (&'static str, &str, Guard)> {
        self.0.iter().map(|route| (route.method, route.path.as_str(), route.guard))
    }

    /// Builds the router; `protect` wraps each handler in its guard.
    pub fn into_router(self, protect: impl Fn(Guard, MethodRouter<S>) -> MethodRouter<S>) -> Router<S> {
        self.0.into_iter().fold(Router::new(), |router, route| {
            router.route(&route.path, protect(route.guard, route.handler))
        })
    }
}
