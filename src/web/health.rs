//! Health checks for load balancers, and metrics for Prometheus.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::AppState;
use crate::access::{Guard, Routes};
use crate::kernel::metrics;

pub(super) fn routes() -> Routes<AppState> {
    Routes::default().get("/healthz", Guard::Public, healthz).get("/readyz", Guard::Public, readyz)
}

/// What the metrics listener serves, to everyone who reaches it. It is not part of the public routes: the metrics
/// contain no names of accounts or users, but counters that change for existing users only, such as that of sent
/// mails, reveal whether a user exists.
pub(super) fn metrics_router() -> Router {
    let routes = Routes::default().get("/metrics", Guard::Public, prometheus);
    routes.into_router(|_, handler| handler)
}

/// Liveness: the process runs.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Readiness: the database answers.
async fn readyz(State(app): State<AppState>) -> (StatusCode, &'static str) {
    match app.kernel.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "readiness check failed: the database does not respond");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not respond\n")
        }
    }
}

async fn prometheus() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::handle().render())
}
