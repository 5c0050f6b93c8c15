//! A server process of the release build, and many clients.

use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::wire::Wire;

/// A running server with one account.
pub(crate) struct Node {
    child: Child,
    pub(crate) url: String,
    /// From `exec` until `/readyz` said yes, on a database that has its tables.
    pub(crate) started: Duration,
    pub(crate) api: String,
    pub(crate) scim: String,
    pub(crate) database: String,
    _dir: TempDir,
}

fn command(dir: &Path, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command
        .current_dir(dir)
        .env("VESTIBULE_DATABASE__URL", database)
        .env("VESTIBULE_SERVER__LISTEN", "127.0.0.1:0")
        .env("VESTIBULE_SERVER__TRUSTED_PROXIES", "[\"127.0.0.0/8\"]")
        .env("VESTIBULE_OUTGOING__ALLOWED_NETWORKS", "[\"127.0.0.0/8\"]")
        .env("VESTIBULE_LOG__LEVEL", "warn");
    command
}

pub(crate) fn output(dir: &Path, database: &str, arguments: &[&str]) -> String {
    let output = command(dir, database).args(arguments).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

impl Node {
    pub(crate) async fn start(database: Option<&str>) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let file = format!("sqlite://{}/v.db", dir.path().display());
        let database = database.unwrap_or(&file);
        output(dir.path(), database, &["account", "create", "bench", "--admin-email", "admin@bench.example"]);
        let api = output(dir.path(), database, &["api-token", "create", "--account", "bench"]);
        let scim = output(
            dir.path(),
            database,
            &["scim-token", "create", "--account", "bench", "--connection", "Okta"],
        );
        let begin = Instant::now();
        let mut child =
            command(dir.path(), database).arg("serve").stdout(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let line = lines.next().expect("a line").expect("text");
        let url = line.strip_prefix("Vestibule listens on ").expect("the address").to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        let ready = client().get(format!("{url}/readyz")).send().await.expect("answers").status();
        assert_eq!(ready, 200);
        Self { child, url, started: begin.elapsed(), api, scim, database: database.to_owned(), _dir: dir }
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("/proc")
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        let kib: f64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
        kib / 1024.0
    }

    /// CPU time used so far, in milliseconds (clock ticks of 10 ms).
    pub(crate) fn cpu(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks = |n: usize| fields[n].parse::<f64>().expect("ticks");
        (ticks(11) + ticks(12)) * 10.0
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("client")
}

/// What a measurement gave.
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) count: u64,
}

/// Runs `work(client, n)` from `clients` tasks for `seconds`; a second before that does not count.
pub(crate) async fn measure<F, W>(clients: usize, seconds: u64, work: W) -> Rate
where
    F: Future<Output = ()> + Send,
    W: Fn(usize, u64) -> F + Clone + Send + 'static,
{
    let warm = Instant::now() + Duration::from_secs(1);
    let end = warm + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let work = work.clone();
            tokio::spawn(async move {
                let (mut n, mut counted) = (0, 0);
                while Instant::now() < end {
                    work(client, n).await;
                    n += 1;
                    counted += u64::from(Instant::now() >= warm && Instant::now() < end);
                }
                counted
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("a client");
    }
    print_rate(&format!("{count} in {seconds} s"));
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let per_second = count as f64 / seconds as f64;
    Rate { per_second, count }
}

/// Absolute numbers, for whoever asks for them.
pub(crate) fn print_rate(rate: &str) {
    if std::env::var_os("VESTIBULE_BENCH_RATES").is_some() {
        eprintln!("    {rate}");
    }
}

/// So many connections of the cheap kind.
pub(crate) async fn wires(url: &str, count: usize) -> Arc<Vec<tokio::sync::Mutex<Wire>>> {
    let mut wires = Vec::new();
    for _ in 0..count {
        wires.push(tokio::sync::Mutex::new(Wire::open(url).await));
    }
    Arc::new(wires)
}

/// What one client asks for: method, path, body.
pub(crate) type Asked = (&'static str, String, String);

/// Has clients of the cheap kind ask `request(client, n)` one after the other for `seconds`. Every answer must be
/// one of 2xx.
pub(crate) async fn hammer(
    (url, headers): (&str, &str),
    (clients, seconds): (usize, u64),
    request: impl Fn(usize, u64) -> Asked + Clone + Send + Sync + 'static,
) -> Rate {
    let wires = wires(url, clients).await;
    let (headers, request) = (Arc::new(headers.to_owned()), Arc::new(request));
    measure(clients, seconds, move |client, n| {
        let (wires, headers, request) = (wires.clone(), headers.clone(), request.clone());
        async move {
            let (method, path, body) = request(client, n);
            let mut wire = wires[client].lock().await;
            let reply = wire.send(method, &path, &headers, &body).await;
            assert!(
                (200..300).contains(&reply.status),
                "{method} {path}: {} {}",
                reply.status,
                String::from_utf8_lossy(wire.body())
            );
        }
    })
    .await
}

/// The lines to print at the end.
#[derive(Default)]
pub(crate) struct Table(Vec<[String; 3]>);

impl Table {
    pub(crate) fn line(&mut self, what: &str, value: &str, note: &str) {
        eprintln!("  {what}: {value}");
        self.0.push([what.to_owned(), value.to_owned(), note.to_owned()]);
    }

    pub(crate) fn print(&self) {
        println!("\n| what | measured | beside |\n|---|---|---|");
        for [what, value, note] in &self.0 {
            println!("| {what} | {value} | {note} |");
        }
    }
}

/// Of several turns, the one in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// All turns, to print.
pub(crate) fn list(values: &[f64]) -> String {
    let decimals = if values.iter().all(|value| *value < 10.0) { 2 } else { 1 };
    values.iter().map(|value| format!("{value:.decimals$}")).collect::<Vec<_>>().join(", ")
}
