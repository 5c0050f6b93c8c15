//! What the product does with it.

use super::harness::{Node, Rate, Table, client, measure};

pub(crate) fn percent(rate: &Rate, limit: f64) -> String {
    format!("{:.0} %", 100.0 * rate.per_second / limit)
}

/// CPU milliseconds of the server for each operation.
pub(crate) fn cpu_each(node: &Node, before: f64, rate: &Rate, seconds: f64) -> f64 {
    // The second of warming up used CPU too; the share of the counted seconds is what counts.
    let used = (node.cpu() - before) * seconds / (seconds + 1.0);
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let each = used / rate.count.max(1) as f64;
    each
}

pub(crate) fn cpu_per_operation(node: &Node, before: f64, rate: &Rate, seconds: f64) -> String {
    format!("{:.2} ms CPU each", cpu_each(node, before, rate, seconds))
}

/// `GET /api/v1/me` with a session-like credential.
pub(crate) async fn me(node: &Node, database: &str, bare: f64, table: &mut Table) {
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
    let cpu = cpu_per_operation(node, before, &rate, 5.0);
    let note = format!("of a bare axum handler with the same client; {cpu}");
    table.line(&format!("GET /api/v1/me, {database}"), &percent(&rate, bare), &note);
}
