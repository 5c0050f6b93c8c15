//! A server process of the release build, and its clients.

use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;

use super::wire::Wire;

/// Which database a server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    /// The name in the rows of the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// The URL of a fresh database: a file in `dir`, or a new database on the server of
    /// `VESTIBULE_TEST_POSTGRES`.
    async fn fresh(self, dir: &Path) -> String {
        static DATABASES: AtomicUsize = AtomicUsize::new(0);
        if self == Self::Sqlite {
            return format!("sqlite://{}/v.db", dir.display());
        }
        let name = format!("bench{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        execute_as_admin(&format!("CREATE DATABASE {name}")).await;
        admin_url().replacen("/postgres?", &format!("/{name}?"), 1)
    }
}

fn admin_url() -> String {
    std::env::var("VESTIBULE_TEST_POSTGRES")
        .expect("PostgreSQL: run `make bench`, or tests/peers/with-postgres")
}

async fn execute_as_admin(statement: &str) {
    sqlx::any::install_default_drivers();
    let mut c = sqlx::AnyConnection::connect(&admin_url()).await.expect("PostgreSQL");
    c.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect("a database");
}

/// A running server with one account.
pub(crate) struct Node {
    child: Child,
    pub(crate) binary: PathBuf,
    pub(crate) backend: Backend,
    pub(crate) url: String,
    /// The time from `exec` until `/readyz` answered, on a database that has its tables.
    pub(crate) started: Duration,
    pub(crate) api: String,
    pub(crate) scim: String,
    /// The URL of its database, which no other node uses.
    pub(crate) database: String,
    _dir: TempDir,
}

/// The binary of this build.
pub(crate) fn built_binary() -> PathBuf {
    env!("CARGO_BIN_EXE_vestibule").into()
}

fn command(binary: &Path, dir: &Path, database: &str) -> Command {
    let mut command = Command::new(binary);
    command
        .current_dir(dir)
        .env("VESTIBULE_DATABASE__URL", database)
        .env("VESTIBULE_SERVER__LISTEN", "127.0.0.1:0")
        .env("VESTIBULE_SERVER__TRUSTED_PROXIES", "[\"127.0.0.0/8\"]")
        .env("VESTIBULE_OUTGOING__ALLOWED_NETWORKS", "[\"127.0.0.0/8\"]")
        .env("VESTIBULE_LOG__LEVEL", "warn");
    command
}

/// Runs a command of `binary` and returns what it prints.
pub(crate) fn output(binary: &Path, dir: &Path, database: &str, arguments: &[&str]) -> String {
    let output = command(binary, dir, database).args(arguments).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

impl Node {
    /// Starts `binary` on a fresh database.
    pub(crate) async fn start(binary: &Path, backend: Backend) -> Self {
        let dir = tempfile::tempdir().expect("folder");
        let database = backend.fresh(dir.path()).await;
        let run = |arguments: &[&str]| output(binary, dir.path(), &database, arguments);
        run(&["account", "create", "bench", "--admin-email", "admin@bench.example"]);
        run(&["domain", "verify", "bench.example", "--account", "bench"]);
        let api = run(&["api-token", "create", "--account", "bench"]);
        let scim = run(&["scim-token", "create", "--account", "bench", "--connection", "Okta"]);
        let begin = Instant::now();
        let mut serve = command(binary, dir.path(), &database);
        let mut child = serve.arg("serve").stdout(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let line = lines.next().expect("a line").expect("text");
        let url = line.strip_prefix("Vestibule listens on ").expect("the address").to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        let ready = client().get(format!("{url}/readyz")).send().await.expect("answers").status();
        assert_eq!(ready, 200);
        let (binary, started) = (binary.to_owned(), begin.elapsed());
        Self { child, binary, backend, url, started, api, scim, database, _dir: dir }
    }

    /// Stops the server and drops its database.
    pub(crate) async fn stop(self) {
        let (backend, database) = (self.backend, self.database.clone());
        drop(self);
        if backend == Backend::Postgres {
            let name = database.split('?').next().and_then(|url| url.rsplit('/').next()).expect("a name");
            execute_as_admin(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    /// Suspends the process while another one is measured, because a server has background work such as
    /// sending mails.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).expect("it runs");
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

/// The result of a measurement.
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) count: u64,
    /// The time that was counted.
    pub(crate) seconds: f64,
}

/// Runs `work(client, n)` in `clients` tasks for `seconds`, after one second of warm-up that is not counted.
pub(crate) async fn measure<F, W>(clients: usize, seconds: u64, work: W) -> Rate
where
    F: Future<Output = ()> + Send,
    W: Fn(usize, u64) -> F + Clone + Send + 'static,
{
    measure_while(clients, seconds, move |client, n| {
        let done = work(client, n);
        async move {
            done.await;
            true
        }
    })
    .await
}

/// Like [`measure`], for work that may run out: when a client has nothing left to do, all clients stop and
/// the counted time ends.
pub(crate) async fn measure_while<F, W>(clients: usize, seconds: u64, work: W) -> Rate
where
    F: Future<Output = bool> + Send,
    W: Fn(usize, u64) -> F + Clone + Send + 'static,
{
    let warm = Instant::now() + Duration::from_secs(1);
    let end = warm + Duration::from_secs(seconds);
    let ran_out = Arc::new(OnceLock::new());
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (work, ran_out) = (work.clone(), ran_out.clone());
            tokio::spawn(async move {
                let (mut n, mut counted) = (0, 0);
                while Instant::now() < end && ran_out.get().is_none() {
                    if !work(client, n).await {
                        let _ = ran_out.set(Instant::now());
                        break;
                    }
                    n += 1;
                    let now = Instant::now();
                    counted += u64::from(now >= warm && now < end && ran_out.get().is_none());
                }
                counted
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("a client");
    }
    let seconds = ran_out.get().map_or(end, |at| end.min(*at)).duration_since(warm).as_secs_f64();
    assert!(seconds > 0.0, "the work ran out before it was measured");
    print_rate(&format!("{count} in {seconds:.1} s"));
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let per_second = count as f64 / seconds;
    Rate { per_second, count, seconds }
}

/// Prints an absolute rate if `VESTIBULE_BENCH_RATES` is set.
pub(crate) fn print_rate(rate: &str) {
    if std::env::var_os("VESTIBULE_BENCH_RATES").is_some() {
        eprintln!("    {rate}");
    }
}

/// Opens `count` connections of the low-overhead client.
pub(crate) async fn wires(url: &str, count: usize) -> Arc<Vec<tokio::sync::Mutex<Wire>>> {
    let mut wires = Vec::new();
    for _ in 0..count {
        wires.push(tokio::sync::Mutex::new(Wire::open(url).await));
    }
    Arc::new(wires)
}

/// A request: method, path, body.
pub(crate) type Asked = (&'static str, String, String);

/// Lets each of `clients` low-overhead clients send `request(client, n)` one after the other for `seconds`.
/// Every answer must have a 2xx status.
pub(crate) async fn hammer(
    url: &str,
    headers: &str,
    clients: usize,
    seconds: u64,
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

/// The median of several rounds.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// All rounds, for printing.
pub(crate) fn list(values: &[f64]) -> String {
    let decimals = if values.iter().all(|value| *value < 10.0) { 2 } else { 1 };
    values.iter().map(|value| format!("{value:.decimals$}")).collect::<Vec<_>>().join(", ")
}
