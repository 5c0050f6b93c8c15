//! What the product does with it.

use serde_json::json;

use super::harness::{Node, Rate, Table, client, measure};

fn percent(rate: &Rate, limit: f64) -> String {
    format!("{:.0} %", 100.0 * rate.per_second / limit)
}

fn cpu_per_operation(node: &Node, before: f64, rate: &Rate, seconds: f64) -> String {
    // The second of warming up used CPU too; the share of the counted seconds is what counts.
    let used = (node.cpu() - before) * seconds / (seconds + 1.0);
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let each = used / rate.count.max(1) as f64;
    format!("{each:.2} ms CPU each")
}

/// Whole sign-ins by the pages: identify, password, session, audit event.
pub(crate) async fn password_sign_ins(node: &Node, hashes: f64, table: &mut Table) {
    let http = client();
    let people = 64;
    for n in 0..people {
        let body = json!({"user_name": format!("p{n}@bench.example"), "password": "correct horse battery"});
        let url = format!("{}/api/v1/users", node.url);
        let made = http.post(url).bearer_auth(&node.api).json(&body).send().await.expect("answers");
        assert_eq!(made.status(), 201);
    }
    let (url, before) = (node.url.clone(), node.cpu());
    let rate = measure(16, 8, move |client_number, n| {
        let (http, url) = (http.clone(), url.clone());
        async move {
            // A thousand people behind as many addresses, or the rate limits would be measured.
            let person = (client_number as u64 * 7 + n) % people;
            let address = format!("10.{client_number}.{}.{}", n / 250 % 250, n % 250);
            let identify =
                http.post(format!("{url}/login")).header("origin", &url).header("x-forwarded-for", &address);
            let fields = [("identifier", format!("p{person}@bench.example"))];
            let sent = identify.form(&fields).send().await.expect("answers");
            if sent.status() == 429 {
                return;
            }
            let cookie = sent.headers()["set-cookie"]
                .to_str()
                .expect("text")
                .split(';')
                .next()
                .expect("cookie")
                .to_owned();
            let to = sent.headers()["location"].to_str().expect("text").to_owned();
            let flow = to.split("flow=").nth(1).expect("flow").to_owned();
            let prove =
                http.post(format!("{url}/login/password")).header("origin", &url).header("cookie", cookie);
            let fields = [("flow", flow.as_str()), ("password", "correct horse battery")];
            let done = prove.header("x-forwarded-for", &address).form(&fields).send().await.expect("answers");
            assert!(matches!(done.status().as_u16(), 303 | 429), "{}", done.status());
        }
    })
    .await;
    let cpu = cpu_per_operation(node, before, &rate, 8.0);
    let note = format!("of raw argon2id on the same cores; {cpu}");
    table.line("password sign-ins", &percent(&rate, hashes), &note);
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

/// SCIM creates from 16 clients, audited and durable.
pub(crate) async fn scim_creates(node: &Node, database: &str, inserts: f64, table: &mut Table) {
    let (http, url, token, before) =
        (client(), format!("{}/scim/v2/Users", node.url), node.scim.clone(), node.cpu());
    let rate = measure(16, 8, move |client_number, n| {
        let (http, url, token) = (http.clone(), url.clone(), token.clone());
        async move {
            let name = format!("u{client_number}-{n}@bench.example");
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true,
                "name": {"givenName": "Bench", "familyName": "User"}, "externalId": format!("{client_number}-{n}"),
                "emails": [{"primary": true, "value": name, "type": "work"}],
            });
            let answer = http.post(url).bearer_auth(token).json(&body).send().await.expect("answers");
            assert_eq!(answer.status(), 201);
            drop(answer.bytes().await.expect("a body"));
        }
    })
    .await;
    let cpu = cpu_per_operation(node, before, &rate, 8.0);
    let note = format!("of raw durable inserts of the two rows, 8 a commit; {cpu}");
    table.line(&format!("SCIM creates, 16 clients, {database}"), &percent(&rate, inserts), &note);
}
