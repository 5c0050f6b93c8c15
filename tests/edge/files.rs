//! The limit on open files, which a process has and a server in the tests' process does not.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use super::raise_limit_on_files;
use super::wire::{REQUEST, Wire};
use crate::harness::process::{self, Process};

struct Site {
    dir: tempfile::TempDir,
    database: String,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let database = format!("sqlite://{}/vestibule.db", dir.path().display());
        Self { dir, database }
    }

    fn command(&self, limit: &str) -> Command {
        process::vestibule_within(limit, self.dir.path(), &self.database)
    }

    /// Starts a server and writes its log to a file.
    fn serve(&self, mut command: Command) -> Process {
        let log = File::create(self.log()).expect("a file");
        command.stderr(log);
        Process::start_by(command, self.dir.path())
    }

    fn log(&self) -> std::path::PathBuf {
        self.dir.path().join("log")
    }
}

async fn stays_up_under(half_heads: usize, trusted_proxies: &str) {
    // The test holds the clients' ends.
    raise_limit_on_files();
    let site = Site::new();
    process::run(
        site.dir.path(),
        &site.database,
        &["account", "create", "acme", "--admin-email", "a@acme.example"],
    );
    let token = process::run(site.dir.path(), &site.database, &["api-token", "create", "--account", "acme"]);
    let mut command = site.command("-n 1024");
    command.env("VESTIBULE_SERVER__TRUSTED_PROXIES", trusted_proxies);
    let server = site.serve(command);
    let mut held = Vec::new();
    for n in 0..half_heads {
        held.push(Wire::half_open(&server.url).await);
        if n % 100 == 0 {
            server.client().bearer(&token).get("/api/v1/me").await.expect(200);
            // The database is a file as well.
            server.client().get("/readyz").await.expect(200);
        }
    }
    for _ in 0..20 {
        server.client().bearer(&token).get("/api/v1/me").await.expect(200);
    }
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eleven_hundred_half_heads_do_not_stop_a_server_with_1024_files() {
    stays_up_under(1_100, r#"["127.0.0.0/8"]"#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_do_three_hundred_from_one_address_whose_share_is_96() {
    stays_up_under(300, "[]").await;
}

#[test]
fn the_server_raises_its_limit_as_far_as_it_may() {
    let site = Site::new();
    let server = site.serve(site.command("-S -n 64"));
    let limits = std::fs::read_to_string(Path::new("/proc").join(server.id().to_string()).join("limits"));
    let limits = limits.expect("the limits of the process");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let numbers: Vec<&str> = files.trim_start_matches("Max open files").split_whitespace().collect();
    assert_eq!(numbers[0], numbers[1], "soft and hard: {files}");
    assert_ne!(numbers[0], "64");
}

#[test]
fn a_low_limit_is_reported_at_start_and_by_the_doctor() {
    let site = Site::new();
    let mut server = site.serve(site.command("-n 1024"));
    let log = std::fs::read_to_string(site.log()).expect("the log");
    assert!(log.contains("the limit on open files is low"), "{log}");
    assert!(log.contains("1024") && log.contains("LimitNOFILE"), "{log}");
    server.kill();
    let done = site.command("-n 1024").arg("doctor").output().expect("runs");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("warn  at most 1024 files can be open"), "{said}");
    assert!(done.status.success(), "a warning is no failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_finishes_requests_and_closes_idle_connections() {
    let site = Site::new();
    let mut server = site.serve(process::vestibule(site.dir.path(), &site.database));
    let mut busy = Wire::busy_from(Ipv4Addr::LOCALHOST, &server.url).await;
    let mut idle = Wire::open(&server.url).await;
    idle.expect_answer(REQUEST).await;
    server.ask_to_stop();
    assert_eq!(idle.closed().await, "");
    assert!(busy.finish().await.contains("connection: close"));
    busy.closed().await;
    assert_eq!(server.terminate(), Some(0));
}
