//! What the time of an answer tells: nothing about who exists, is locked or deactivated.
//!
//! Unknown, wrong, locked and deactivated are tried in turn, many times, so that whatever else the machine
//! does hits all four alike. A shortcut around the hash moves one of the medians far; a commit saved would be
//! a twentieth of the whole, which is less than this test tells apart from noise.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Backend, Server};

const ROUNDS: usize = 41;
const SERIES: usize = 3;
const CASES: [&str; 4] = ["unknown", "wrong", "locked", "deactivated"];

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_a_refusal_tells_nothing() {
    let server = Server::start(Backend::Sqlite).await;
    let tenant = server.tenant("acme").await;
    let api = server.client().bearer(&tenant.token);
    api.patch("/api/v1/authentication-settings", &json!({"lockout": {"attempts": 3, "notify_user": false}}))
        .await
        .expect(200);
    let mut ids = Vec::new();
    for name in ["wrong", "locked", "deactivated"] {
        let body = json!({"user_name": format!("{name}@acme.example"), "password": "a good long password"});
        ids.push(api.post("/api/v1/users", &body).await.created()["id"].as_str().expect("id").to_owned());
    }
    api.patch(&format!("/api/v1/users/{}", ids[2]), &json!({"status": "inactive"})).await.expect(200);
    let attempt = async |round: usize, case: &str| {
        // From an address of its own each time: the limits by address are not what is measured.
        let client = server.client().from(&format!("198.{}.{}.1", 18 + round / 250, round % 250));
        let name = format!("{case}@acme.example");
        let fields = [("identifier", name.as_str()), ("account", "acme"), ("return_to", "/")];
        let sent = client.form("/login", &fields).await.expect(303).location().expect("password page");
        let flow = sent.split("flow=").nth(1).expect("flow").to_owned();
        let begun = Instant::now();
        client
            .form("/login/password", &[("flow", &flow), ("password", "not the password")])
            .await
            .expect(401);
        begun.elapsed()
    };
    for n in 0..3 {
        attempt(400 + n, "locked").await;
    }
    // A shortcut shows each time; a neighbour on the machine does not.
    let mut seen = Vec::new();
    for series in 0..SERIES {
        let medians = medians(&attempt, series * ROUNDS, async || {
            // Neither may lock on the way.
            for id in [&ids[0], &ids[2]] {
                api.post(&format!("/api/v1/users/{id}/unlock"), &json!({})).await.expect(204);
            }
        });
        let medians = medians.await;
        let (least, most) = (medians.iter().min().expect("four"), medians.iter().max().expect("four"));
        if most.as_secs_f64() <= 1.12 * least.as_secs_f64() {
            return;
        }
        seen.push(CASES.into_iter().zip(medians).collect::<Vec<_>>());
    }
    panic!("medians differ: {seen:?}");
}

/// Tries the four cases in turn; the median time of each.
async fn medians(
    attempt: &impl AsyncFn(usize, &str) -> Duration,
    first: usize,
    after_each: impl AsyncFn(),
) -> Vec<Duration> {
    let mut times: [Vec<Duration>; 4] = Default::default();
    for round in first..first + ROUNDS {
        for turn in 0..CASES.len() {
            let case = (turn + round) % CASES.len();
            let took = attempt(round, CASES[case]).await;
            times[case].push(took);
        }
        after_each().await;
    }
    times.iter_mut().map(|times| median(times)).collect()
}
