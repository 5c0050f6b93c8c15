//! Metrics are for the operator: on a listener of their own, or not at all.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::harness::{Backend, Client, Server, process};

async fn with_metrics() -> (Server, Client) {
    let server = Server::start_with(Backend::Sqlite, |config| {
        config.metrics.listen = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let client = Client::new(server.metrics_url.as_deref().expect("a metrics listener"));
    (server, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_listener_has_no_metrics() {
    let server = Server::start(Backend::Sqlite).await;
    assert!(server.metrics_url.is_none(), "off by default");
    server.client().get("/metrics").await.expect(404);
    let (server, _) = with_metrics().await;
    let answer = server.client().get("/metrics").await.expect(404);
    assert!(!answer.body.contains("vestibule_http_requests_total"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_listener_has_metrics_and_nothing_else() {
    let (server, metrics) = with_metrics().await;
    server.client().get("/healthz").await.expect(200);
    let answer = metrics.get("/metrics").await.expect(200);
    assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
    let line = r#"vestibule_http_requests_total{route="/healthz",status="200"}"#;
    assert!(answer.body.contains(line), "{}", answer.body);
    for path in ["/", "/healthz", "/login", "/setup", "/api/v1/me", "/metrics/", "/assets/x/y"] {
        metrics.get(path).await.expect(404);
    }
    metrics.post("/metrics", &serde_json::json!({})).await.expect(405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_name_nobody() {
    let (server, metrics) = with_metrics().await;
    let tenant = server.tenant("metricsacme").await;
    server.client().sign_in("metricsacme", &tenant.email, "wrong").await;
    server.client().sign_in("metricsacme", "stranger@metricsacme.example", "wrong").await;
    server.client().sign_in("metricsacme", &tenant.email, &tenant.password).await.expect(303);
    server.client().get("/metricsacme-unknown").await.expect(404);
    let text = metrics.get("/metrics").await.expect(200).body;
    assert!(text.contains("vestibule_sign_ins_total"), "{text}");
    assert!(!text.contains("metricsacme") && !text.contains("stranger"), "{text}");
}

/// A command of a server with this metrics listener.
fn command(dir: &Path, listen: &str) -> Command {
    let mut command = process::vestibule(dir, &format!("sqlite://{}/vestibule.db", dir.display()));
    command.env("VESTIBULE_METRICS__LISTEN", listen);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// What a server prints that refuses to start. One that does start is killed.
fn refused(mut command: Command, dir: &Path) -> String {
    const PATIENCE: Duration = Duration::from_mins(1);
    let path = dir.join("log");
    let log = File::create(&path).expect("a file");
    command.arg("serve").stdout(log.try_clone().expect("the same file")).stderr(log);
    let mut server = command.spawn().expect("the binary starts");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = server.try_wait().expect("a child") {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            server.kill().expect("SIGKILL");
            server.wait().expect("gone");
            panic!("the server starts: {}", std::fs::read_to_string(&path).expect("the log"));
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let said = std::fs::read_to_string(&path).expect("the log");
    assert!(!status.success(), "{said}");
    said
}

#[test]
fn a_listener_that_cannot_be_is_refused_at_start() {
    let dir = tempfile::tempdir().expect("dir");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("address").to_string();
    let said = refused(command(dir.path(), &address), dir.path());
    assert!(said.contains(&format!("metrics.listen: cannot listen on {address}")), "{said}");
    let mut same = command(dir.path(), &address);
    same.env("VESTIBULE_SERVER__LISTEN", &address);
    let said = refused(same, dir.path());
    assert!(said.contains("is also server.listen"), "{said}");
}

#[test]
fn a_wildcard_address_is_warned_of() {
    let dir = tempfile::tempdir().expect("dir");
    let log = dir.path().join("log");
    let mut serve = command(dir.path(), "0.0.0.0:0");
    serve.stderr(File::create(&log).expect("a file"));
    drop(process::Process::start_by(serve, dir.path()));
    let log = std::fs::read_to_string(log).expect("the log");
    assert!(log.contains("metrics.listen is a wildcard address"), "{log}");
    let doctor = |listen| said(&command(dir.path(), listen).arg("doctor").output().expect("runs"));
    assert!(doctor("[::]:9464").contains("warn  metrics.listen [::]:9464 is a wildcard address"));
    assert!(doctor("127.0.0.1:9464").contains("ok    metrics are served at http://127.0.0.1:9464/metrics"));
}
