//! What the machine can do without this server; the ratios are relative to it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};

use vestibule::kernel::memory::with_huge_pages;

use super::harness::{client, hammer, measure, print_rate};

/// One arena per core for raw argon2id hashes with our parameters. They are allocated once, because the
/// allocator would reuse freed memory with the page size it already has.
pub(crate) struct Arenas(Vec<Vec<Block>>);

impl Arenas {
    /// In pages of the usual size, or in huge pages.
    pub(crate) fn new(large_pages: bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let make = || vec![vec![Block::default(); argon2_params().block_count()]; cores];
        Self(if large_pages { with_huge_pages(make) } else { make() })
    }
}

fn argon2_params() -> Params {
    Params::new(19 * 1024, 2, 1, None).expect("parameters")
}

/// Raw hashes per second, with one thread for each arena.
pub(crate) async fn argon2_per_second(seconds: u64, arenas: &mut Arenas) -> f64 {
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = std::mem::take(&mut arenas.0)
        .into_iter()
        .map(|mut arena| {
            let (stop, count) = (stop.clone(), count.clone());
            std::thread::spawn(move || {
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, argon2_params());
                while !stop.load(Ordering::Relaxed) {
                    let mut out = [0; 32];
                    argon2
                        .hash_password_into_with_memory(
                            b"password",
                            b"saltsaltsaltsalt",
                            &mut out,
                            &mut arena,
                        )
                        .expect("hash");
                    count.fetch_add(1, Ordering::Relaxed);
                }
                arena
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = count.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let done = count.load(Ordering::Relaxed) - before;
    stop.store(true, Ordering::Relaxed);
    arenas.0 = threads.into_iter().map(|thread| thread.join().expect("thread")).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let rate = done as f64 / seconds as f64;
    print_rate(&format!("{rate:.1} hashes/s"));
    rate
}

/// Requests per second to a bare axum handler without a database, on this runtime and with the same client.
pub(crate) async fn bare_handler_per_second() -> f64 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    let app = axum::Router::new()
        .route("/", axum::routing::get(async || axum::Json(serde_json::json!({"id": "x"}))));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let http = client();
    let rate = measure(32, 5, move |_, _| {
        let (http, url) = (http.clone(), url.clone());
        async move {
            let answer = http.get(url).send().await.expect("answers");
            drop(answer.bytes().await.expect("a body"));
        }
    });
    let rate = rate.await.per_second;
    server.abort();
    rate
}

/// The same with the low-overhead client, and with the handler on a runtime of its own that has a thread for
/// each core.
pub(crate) async fn bare_handler_by_wire_per_second(clients: usize) -> f64 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    listener.set_nonblocking(true).expect("option");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.spawn(async move {
        let handler = axum::routing::get(async || axum::Json(serde_json::json!({"id": "x"})));
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        axum::serve(listener, axum::Router::new().route("/", handler)).await
    });
    let rate = hammer(&url, "", clients, 5, |_, _| ("GET", "/".to_owned(), String::new())).await;
    runtime.shutdown_background();
    rate.per_second
}

/// Transactions per second of `pgbench -N` (update, select, insert), PostgreSQL's own benchmark.
pub(crate) fn pgbench_per_second(database: &str, clients: usize) -> f64 {
    let (_, host) = database.split_once("host=").expect("a socket's folder");
    let newest = std::fs::read_dir("/usr/lib/postgresql")
        .expect("PostgreSQL")
        .filter_map(Result::ok)
        .max_by_key(std::fs::DirEntry::path);
    let program = newest.expect("a version").path().join("bin/pgbench");
    let run = |arguments: &[&str]| {
        let output = Command::new(&program)
            .args(["-h", host, "-U", "vestibule"])
            .args(arguments)
            .arg("postgres")
            .output()
            .expect("pgbench");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&["-i", "-q", "-s", "10"]);
    let said = run(&["-N", "-c", &clients.to_string(), "-j", "2", "-T", "5"]);
    let line = said.lines().find(|line| line.starts_with("tps =")).expect("a result");
    line.split_whitespace().nth(2).and_then(|tps| tps.parse().ok()).expect("a number")
}

/// Creations (two rows each) per second, eight in each commit, on one connection through sqlx, as durable as
/// the server's.
pub(crate) async fn durable_inserts_per_second(database: Option<&str>) -> f64 {
    durable(database, 8).await
}

/// Commits of two rows per second, one after the other, through sqlx.
pub(crate) async fn durable_commits_per_second(database: Option<&str>) -> f64 {
    durable(database, 1).await
}

/// The same without sqlx: SQLite itself with prepared statements, on a dedicated thread, with `each`
/// creations in each commit.
pub(crate) async fn bare_inserts_per_second(each: u32) -> f64 {
    tokio::task::spawn_blocking(move || bare(each)).await.expect("measured")
}

const TABLES: &str = "DROP TABLE IF EXISTS raw_users; DROP TABLE IF EXISTS raw_audit; \
    CREATE TABLE raw_users (id TEXT PRIMARY KEY, name TEXT UNIQUE, attributes TEXT); \
    CREATE TABLE raw_audit (id TEXT PRIMARY KEY, time BIGINT, name TEXT, detail TEXT)";
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
const USER: &str = "INSERT INTO raw_users (id, name, attributes) VALUES ($1, $1, $2)";
const EVENT: &str = "INSERT INTO raw_audit (id, time, name, detail) VALUES ($1, 1, $1, $2)";
const ATTRIBUTES: [u8; 300] = [b'x'; 300];

async fn durable(database: Option<&str>, each: u32) -> f64 {
    sqlx::any::install_default_drivers();
    let dir = tempfile::tempdir().expect("folder");
    let url =
        database.map_or_else(|| format!("sqlite://{}/raw.db?mode=rwc", dir.path().display()), str::to_owned);
    let mut c = AnyConnection::connect(&url).await.expect("connects");
    let pragmas = if database.is_none() { PRAGMAS } else { "" };
    for sql in pragmas.split(';').chain(TABLES.split(';')).filter(|sql| !sql.is_empty()) {
        c.execute(AssertSqlSafe(sql)).await.expect("table");
    }
    let attributes = String::from_utf8_lossy(&ATTRIBUTES);
    let begin = std::time::Instant::now();
    let mut n = 0_u32;
    while begin.elapsed() < Duration::from_secs(5) {
        c.execute(AssertSqlSafe("BEGIN")).await.expect("begin");
        for _ in 0..each {
            n += 1;
            let id = format!("{n:036}");
            sqlx::query(USER).bind(&id).bind(&*attributes).execute(&mut c).await.expect("user");
            sqlx::query(EVENT).bind(&id).bind("x").execute(&mut c).await.expect("event");
        }
        c.execute(AssertSqlSafe("COMMIT")).await.expect("commit");
    }
    f64::from(n) / begin.elapsed().as_secs_f64()
}

fn bare(each: u32) -> f64 {
    let dir = tempfile::tempdir().expect("folder");
    let c = rusqlite::Connection::open(dir.path().join("raw.db")).expect("opens");
    c.execute_batch(PRAGMAS).expect("pragma");
    c.execute_batch(TABLES).expect("tables");
    let attributes = String::from_utf8_lossy(&ATTRIBUTES);
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        c.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).expect("runs");
    };
    let begin = std::time::Instant::now();
    let mut n = 0_u32;
    while begin.elapsed() < Duration::from_secs(5) {
        run("BEGIN", &[]);
        for _ in 0..each {
            n += 1;
            let id = format!("{n:036}");
            run(USER, &[&id, &attributes]);
            run(EVENT, &[&id, &"x"]);
        }
        run("COMMIT", &[]);
    }
    f64::from(n) / begin.elapsed().as_secs_f64()
}
