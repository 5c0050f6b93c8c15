//! A request to the REST API, and helpers for ratios and CPU time.

use super::harness::{Node, Rate, client, measure};
use super::table::{Measured, Table};

/// A rate as a percentage of a limit.
pub(crate) fn percent(rate: &Rate, limit: f64) -> Measured {
    Measured::more(100.0 * rate.per_second / limit, "%").compared_by(rate.per_second)
}

/// The CPU time of the server for each operation, in milliseconds.
pub(crate) fn cpu_each(node: &Node, before: f64, rate: &Rate) -> f64 {
    // The second of warm-up used CPU time too, so only the share of the counted seconds is taken.
    let used = (node.cpu() - before) * rate.seconds / (rate.seconds + 1.0);
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let each = used / rate.count.max(1) as f64;
    each
}

pub(crate) fn cpu_per_operation(node: &Node, before: f64, rate: &Rate) -> String {
    format!("{:.2} ms CPU each", cpu_each(node, before, rate))
}

/// `GET /api/v1/me` with an API token.
pub(crate) async fn me(node: &Node, bare: f64, table: &mut Table) {
    let (http, url, token, before) =
        (client(), format!("{}/api/v1/me", node.url), node.api.clone(), node.cpu());
    let rate = measure(32, 5, move |_, _| {
        let (http, url, token) = (http.clone(), url.clone(), token.clone());
        async move {
            let answer = http.get(url).bearer_auth(token).send().await.expect("answers");
            assert_eq!(answer.status(), 200);
            drop(answer.bytes().await.expect("a body"));
        }
    })
    .await;
    let cpu = cpu_per_operation(node, before, &rate);
    let note = format!("of a bare axum handler with the same client; {cpu}");
    table.row(&format!("GET /api/v1/me, {}", node.backend.name()), percent(&rate, bare), &note);
}
