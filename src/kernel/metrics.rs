//! Counters and histograms for Prometheus. They cover requests by route and status, and their durations.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::jobs::Shutdown;

/// Histogram bucket bounds, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// How often recorded samples are moved into buckets. Until then each sample takes memory.
const SORTED_EVERY: Duration = Duration::from_secs(2);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
/// The metrics of each route, cached because looking them up by name costs more than counting.
static ROUTE_METRICS: LazyLock<RwLock<HashMap<String, RouteMetrics>>> = LazyLock::new(RwLock::default);

struct RouteMetrics {
    seconds: Histogram,
    /// Request counters by response status.
    answers: Vec<(u16, Counter)>,
}

impl RouteMetrics {
    fn new(name: &str) -> Self {
        // Without an installed recorder, handles cached here would not record anything.
        handle();
        let seconds = metrics::histogram!("vestibule_http_request_seconds", "route" => name.to_owned());
        Self { seconds, answers: Vec::new() }
    }

    /// Returns false when this status has no counter yet.
    fn count(&self, status: u16, took: Duration) -> bool {
        let Some((_, answers)) = self.answers.iter().find(|(known, _)| *known == status) else {
            return false;
        };
        answers.increment(1);
        self.seconds.record(took.as_secs_f64());
        true
    }
}

/// Counts a request by route pattern, response status and duration. The pattern must come from the router,
/// so that the number of time series is bounded.
pub fn count_request(route: &str, status: u16, took: Duration) {
    let known = ROUTE_METRICS.read().unwrap_or_else(PoisonError::into_inner);
    if known.get(route).is_some_and(|found| found.count(status, took)) {
        return;
    }
    drop(known);
    let mut routes = ROUTE_METRICS.write().unwrap_or_else(PoisonError::into_inner);
    let found = routes.entry(route.to_owned()).or_insert_with(|| RouteMetrics::new(route));
    if !found.count(status, took) {
        let (route, label) = (route.to_owned(), status.to_string());
        let answers = metrics::counter!("vestibule_http_requests_total", "route" => route, "status" => label);
        found.answers.push((status, answers));
        found.count(status, took);
    }
}

/// Installs the recorder once per process and returns the handle that renders the metrics.
pub fn handle() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        // `set_buckets` fails only for an empty list.
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // This fails only in a test binary that runs several servers; they share the first recorder.
        drop(metrics::set_global_recorder(recorder));
        handle
    })
}

/// Moves samples into buckets until shutdown, even when `/metrics` is never scraped.
pub async fn run(mut shutdown: Shutdown) {
    let handle = handle();
    while !shutdown.begins_within(SORTED_EVERY).await {
        handle.run_upkeep();
    }
}
