//! Sign-in with a password: its rate, the effect of a flood on other requests, and the import of users.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::harness::{Node, client, list, measure, median, output, wires};
use super::limits;
use super::operations::cpu_each;
use super::table::{Measured, Table};
use super::wire::{self, Wire};

const PEOPLE: u64 = 64;
const PASSWORD: &str = "correct horse battery";

pub(crate) async fn make_people(node: &Node) {
    let http = client();
    for n in 0..PEOPLE {
        let body = json!({"user_name": format!("p{n}@bench.example"), "password": PASSWORD});
        let url = format!("{}/api/v1/users", node.url);
        let made = http.post(url).bearer_auth(&node.api).json(&body).send().await.expect("answers");
        assert_eq!(made.status(), 201);
    }
}

/// A different address for each attempt of a client, so that the rate limits are not what is measured.
fn address(client_number: usize, n: u64) -> String {
    format!("10.{}.{}.{}", client_number % 250, n / 250 % 250, n % 250)
}

async fn sign_in(wire: &mut Wire, person: u64, address: &str) -> (u16, Option<String>) {
    wire::sign_in(wire, &format!("p{person}"), PASSWORD, address).await
}

/// Complete sign-ins through the pages: identify, count, hash, session, audit event. They alternate with
/// bare hashes, because the speed of the machine varies from minute to minute.
pub(crate) async fn sign_ins(node: &Node, table: &mut Table) {
    const ROUNDS: u64 = 5;
    let wires = wires(&node.url, 32).await;
    let (mut plain, mut large) = (limits::Arenas::new(false), limits::Arenas::new(true));
    let (mut ratios, mut of_large, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let hashes = limits::argon2_per_second(4, &mut plain).await;
        let hashes_in_large_pages = limits::argon2_per_second(4, &mut large).await;
        let (wires, before) = (wires.clone(), node.cpu());
        let rate = measure(32, 6, move |client_number, n| {
            let wires = wires.clone();
            async move {
                let person = (client_number as u64 * 7 + n) % PEOPLE;
                let mut wire = wires[client_number].lock().await;
                let (status, _) = sign_in(&mut wire, person, &address(client_number, round * 1000 + n)).await;
                assert_eq!(status, 303);
            }
        })
        .await;
        ratios.push(100.0 * rate.per_second / hashes);
        of_large.push(100.0 * rate.per_second / hashes_in_large_pages);
        cpu.push(cpu_each(node, before, &rate));
    }
    let note = format!(
        "of raw argon2id, one arena a core (aim: 95 %); median of {}; {:.0} % of the same in large pages; {:.2} ms CPU each",
        list(&ratios),
        median(&of_large),
        median(&cpu)
    );
    table.row("password sign-ins", Measured::more(median(&ratios), "%"), &note);
}

/// The latencies of `GET /api/v1/me` at 500 requests a second over 50 connections, in ascending order. They
/// are measured on a thread of their own, so that the flood's clients do not delay the measurement.
async fn me_latencies(node: &Node, session: &str, seconds: u64) -> Vec<Duration> {
    let (url, headers) = (node.url.clone(), format!("cookie: {session}\r\n"));
    let measured = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(measure_latencies(url, headers, seconds))
    });
    measured.await.expect("measured")
}

async fn measure_latencies(url: String, headers: String, seconds: u64) -> Vec<Duration> {
    const CONNECTIONS: u64 = 50;
    let begun = Instant::now() + Duration::from_millis(100);
    let mut people = JoinSet::new();
    for n in 0..CONNECTIONS {
        let (mut wire, headers) = (Wire::open(&url).await, headers.clone());
        people.spawn(async move {
            let mut latencies = Vec::new();
            for round in 0..seconds * 500 / CONNECTIONS {
                let due = begun + Duration::from_millis(2 * (round * CONNECTIONS + n));
                tokio::time::sleep_until(due.into()).await;
                // Measured from sending, not from the due time, because the timers of this runtime are exact
                // to a millisecond only.
                let sent = Instant::now();
                let reply = wire.send("GET", "/api/v1/me", &headers, "").await;
                assert_eq!(reply.status, 200);
                latencies.push(sent.elapsed());
            }
            latencies
        });
    }
    let mut latencies = people.join_all().await.concat();
    latencies.sort_unstable();
    latencies
}

fn p99(sorted: &[Duration]) -> f64 {
    sorted[sorted.len() * 99 / 100].as_secs_f64() * 1000.0
}

/// A flood of sign-ins beside the requests of a signed-in user: latency, memory, and how soon the flood is
/// told to wait.
pub(crate) async fn flood(node: &Node, idle_memory: f64, table: &mut Table) {
    let (status, session) = sign_in(&mut Wire::open(&node.url).await, 0, "10.251.0.1").await;
    assert_eq!(status, 303);
    let session = session.expect("a session");
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(p99(&me_latencies(node, &session, 3).await));
    }

    let stop = Arc::new(AtomicBool::new(false));
    let (entered, told, slowest) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut guessers = JoinSet::new();
    for n in 0..400_usize {
        let mut wire = Wire::open(&node.url).await;
        let (stop, entered, told, slowest) = (stop.clone(), entered.clone(), told.clone(), slowest.clone());
        guessers.spawn(async move {
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let begun = Instant::now();
                let person = (n as u64 + round) % PEOPLE;
                let (status, _) = sign_in(&mut wire, person, &address(n, round + 1000)).await;
                if status == 303 {
                    entered.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                if status == 503 {
                    told.fetch_add(1, Ordering::Relaxed);
                    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    slowest.fetch_max(took, Ordering::Relaxed);
                    // The client waits about as long as Retry-After says, but not all clients equally long.
                    tokio::time::sleep(Duration::from_millis(1500 + (n as u64 * 397 + round * 61) % 1000))
                        .await;
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut busy = Vec::new();
    for _ in 0..7 {
        busy.push(p99(&me_latencies(node, &session, 3).await));
    }
    let flooded_memory = node.memory();
    stop.store(true, Ordering::Relaxed);
    while guessers.join_next().await.is_some() {}
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    #[expect(clippy::cast_precision_loss, reason = "a few cores")]
    let allowed = idle_memory + 19.0 * cores as f64 + 64.0;
    let (slow, quick) = (median(&busy), median(&idle));
    table.row(
        "p99 of GET /api/v1/me at 500 a second",
        Measured::less(slow, "ms").decimals(1),
        &format!(
            "while 400 clients flood sign-in (aim: under 5 ms); median of {}; {:.1} times idle ({quick:.1} ms)",
            list(&busy),
            slow / quick,
        ),
    );
    table.row(
        "memory (RSS) in that flood",
        Measured::less(flooded_memory, "MiB").decimals(1),
        &format!("allowed: idle {idle_memory:.1} + hash memory of {cores} cores + 64 = {allowed:.0} MiB"),
    );
    let (told, entered) = (told.load(Ordering::Relaxed), entered.load(Ordering::Relaxed));
    let slowest = slowest.load(Ordering::Relaxed);
    table.row(
        "the longest until somebody is told to come back (503)",
        Measured::less(Duration::from_millis(slowest).as_secs_f64() * 1000.0, "ms"),
        &format!("both steps of the sign-in; {told} times, while {entered} got in"),
    );
}

/// `user import` of 100,000 users with hashes, on SQLite.
pub(crate) fn import(binary: &Path, table: &mut Table) {
    const ROWS: u32 = 100_000;
    let dir = tempfile::tempdir().expect("folder");
    let database = format!("sqlite://{}/v.db", dir.path().display());
    let arguments = ["account", "create", "bench", "--admin-email", "admin@bench.example"];
    output(binary, dir.path(), &database, &arguments);
    let mut text = String::new();
    for n in 0..ROWS {
        let row = json!({
            "user_name": format!("person{n}@bench.example"), "given_name": "Person", "family_name": format!("Number {n}"),
            "external_id": n.to_string(),
            "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$kP3mVbJ9Qm1yq0o0uJ6bWm0mP8m6c5tqYvQ1k2J3l4M",
        });
        writeln!(text, "{row}").expect("text");
    }
    std::fs::write(dir.path().join("people.jsonl"), text).expect("file");
    let begun = Instant::now();
    let said = output(binary, dir.path(), &database, &["user", "import", "people.jsonl"]);
    let took = begun.elapsed().as_secs_f64();
    // The words around the number differ between versions.
    assert!(said.contains(&ROWS.to_string()), "{said}");
    table.row(
        "import of 100,000 users with hashes, SQLite",
        Measured::more(f64::from(ROWS) / took, "rows/s"),
        "each with an audit event, durable every 500 rows (aim: 10,000 rows/s)",
    );
}
