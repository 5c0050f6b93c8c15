//! For load balancers and Prometheus.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::AppState;
use crate::access::{Guard, Routes};
use crate::kernel::metrics;

pub(super) fn routes() -> Routes<AppState> {
    Routes::default().get("/healthz", Guard::Public, healthz).get("/readyz", Guard::Public, readyz).get(
        "/metrics",
        Guard::Public,
        prometheus,
    )
}

/// The process runs.
async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can serve: the database answers.
async fn readyz(State(app): State<AppState>) -> (StatusCode, &'static str) {
    match app.kernel.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

/// Numbers only, no names of accounts or people. Keep it off the internet at the proxy all the same.
async fn prometheus() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::handle().render())
}
