//! Counters and histograms for Prometheus.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Duration;

use super::jobs::Shutdown;

/// Upper bounds of the classes that times are sorted into, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// How often what was measured is sorted in. Until then each measurement takes memory.
const SORTED_EVERY: Duration = Duration::from_secs(2);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

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
    while !shutdown.pause(SORTED_EVERY).await {
        handle.run_upkeep();
    }
}
