//! Whether the time of a refused sign-in reveals its reason; all four cases must take the same time.
//!
//! The tests compare the work (`tests/timing.rs`). This part compares the time, which only a quiet machine
//! shows.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Node, client, median};
use super::table::{Measured, Table};
use super::wire::Wire;

const CASES: [&str; 4] = ["unknown", "wrong", "locked", "deactivated"];
const ROUNDS: usize = 101;

/// The medians of the four cases, tried in turn so that other load on the machine affects all of them alike.
pub(crate) async fn refusals(node: &Node, table: &mut Table) {
    let ids = make_people(node).await;
    let mut wire = Wire::open(&node.url).await;
    for n in 0..3 {
        refuse(&mut wire, 1000 + n, "locked").await;
    }
    let mut times: [Vec<f64>; 4] = Default::default();
    for round in 0..ROUNDS {
        for turn in 0..CASES.len() {
            let case = (turn + round) % CASES.len();
            times[case].push(refuse(&mut wire, round, CASES[case]).await.as_secs_f64() * 1000.0);
        }
        // These two users must not become locked by the attempts.
        for id in [&ids[0], &ids[2]] {
            call(node, reqwest::Method::POST, &format!("/api/v1/users/{id}/unlock"), &json!({})).await;
        }
    }
    let medians = times.map(|times| median(&times));
    let middle = median(&medians);
    let ratios: Vec<_> =
        CASES.iter().zip(medians).map(|(case, time)| format!("{case} {:.2}", time / middle)).collect();
    let (least, most) =
        (medians.iter().copied().fold(f64::MAX, f64::min), medians.iter().copied().fold(0.0, f64::max));
    let note = format!(
        "the slowest of four kinds of refusal to the quickest (aim: 1.05 at most); to their median of {middle:.1} ms: {}",
        ratios.join(", ")
    );
    let times = Measured::less(most / least, "times").decimals(2);
    table.row(&format!("time of a refused password, {}", node.backend.name()), times, &note);
}

async fn call(node: &Node, method: reqwest::Method, path: &str, body: &Value) -> Value {
    let request = client().request(method, format!("{}{path}", node.url)).bearer_auth(&node.api);
    let answer = request.json(body).send().await.expect("answers");
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.json().await.unwrap_or_default()
}

/// Creates the users of all cases except `unknown`; returns their ids.
async fn make_people(node: &Node) -> Vec<String> {
    let settings = json!({"lockout": {"attempts": 3, "notify_user": false}});
    call(node, reqwest::Method::PATCH, "/api/v1/authentication-settings", &settings).await;
    let mut ids = Vec::new();
    for name in &CASES[1..] {
        let body = json!({"user_name": format!("{name}@bench.example"), "password": "a good long password"});
        let made = call(node, reqwest::Method::POST, "/api/v1/users", &body).await;
        ids.push(made["id"].as_str().expect("id").to_owned());
    }
    let path = format!("/api/v1/users/{}", ids[2]);
    call(node, reqwest::Method::PATCH, &path, &json!({"status": "inactive"})).await;
    ids
}

/// How long the answer to a wrong password takes. Each round has its own client address, so that the rate
/// limits by address are not what is measured.
async fn refuse(wire: &mut Wire, round: usize, case: &str) -> Duration {
    let from = format!("x-forwarded-for: 10.252.{}.{}\r\n", round / 250, round % 250);
    let sent = wire.send("POST", "/login", &from, &format!("identifier={case}%40bench.example")).await;
    let cookie = sent.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("cookie");
    let flow = sent.header("location").and_then(|to| to.split("flow=").nth(1)).expect("flow");
    let (headers, form) = (format!("{from}cookie: {cookie}\r\n"), format!("flow={flow}&password=wrong"));
    let begun = Instant::now();
    let refused = wire.send("POST", "/login/password", &headers, &form).await;
    assert_eq!(refused.status, 401);
    begun.elapsed()
}
