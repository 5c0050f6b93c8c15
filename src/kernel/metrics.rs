//! Counters and histograms for Prometheus.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::jobs::Shutdown;

/// Upper bounds of the classes that times are sorted into, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// How often what was measured is sorted in. Until then each measurement takes memory.
const SORTED_EVERY: Duration = Duration::from_secs(2);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
/// What is measured of each route that was asked for: to find it by its name each time costs more than to count.
static ROUTE_METRICS: LazyLock<RwLock<HashMap<String, RouteMetrics>>> = LazyLock::new(RwLock::default);

struct RouteMetrics {
    seconds: Histogram,
    /// Requests by the status of their answers.
    answers: Vec<(u16, Counter)>,
}

impl RouteMetrics {
    fn new(name: &str) -> Self {
        // Without a recorder what is kept here would count for nobody.
        handle();
        let seconds = metrics::histogram!("vestibule_http_request_seconds", "route" => name.to_owned());
        Self { seconds, answers: Vec::new() }
    }

    /// False when there was no such answer before.
    fn count(&self, status: u16, took: Duration) -> bool {
        let Some((_, answers)) = self.answers.iter().find(|(known, _)| *known == status) else {
            return false;
        };
        answers.increment(1);
        self.seconds.record(took.as_secs_f64());
        true
    }
}

/// Counts a request: the pattern of its path, the status of the answer, and how long that took. There are as many routes
/// as the router knows.
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

/// Installs the recorder once per process and gives the handle that renders the page.
pub fn handle() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        // Refused where there are no classes at all; then it goes on without.
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS).unwrap_or_default();
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // A second recorder can only exist in a test binary that runs several servers; they share the first.
        drop(metrics::set_global_recorder(recorder));
        handle
    })
}

/// Sorts measurements in until shutdown, whether or not anybody reads them.
pub async fn run(mut shutdown: Shutdown) {
    let handle = handle();
    while !shutdown.begins_within(SORTED_EVERY).await {
        handle.run_upkeep();
    }
}
