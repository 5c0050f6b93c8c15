//! SCIM with a thousand users and with a million.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection as _;

use super::harness::{Asked, Backend, Node, Rate, hammer, list, median, print_rate};
use super::operations::{cpu_per_operation, percent};
use super::table::{Measured, Table};
use super::{limits, wire::Wire};

const CLIENTS: usize = 16;
const FEW: i64 = 1000;
const MANY: i64 = 1_000_000;
const CROWD: i64 = 100_000;

/// Looks up one of the first thousand users, however many there are.
fn look_up(client: usize, n: u64) -> Asked {
    let who = (n * 131 + client as u64 * 17) % FEW.unsigned_abs() + 1;
    ("GET", format!("/scim/v2/Users?filter=userName%20eq%20%22d{who}%40bench.example%22"), String::new())
}

/// All SCIM measurements on one node.
pub(crate) async fn all(node: &Node, table: &mut Table) {
    let database = node.backend.name();
    let headers = format!("authorization: Bearer {}\r\n", node.scim);
    let mut wire = Wire::open(&node.url).await;
    wire.send("GET", "/scim/v2/ServiceProviderConfig", &headers, "").await;
    let mut crowd = Crowd::open(node).await;
    crowd.people(1, FEW).await;
    look_ups_beside_bare(node, &headers, table).await;
    let small = member_changes(node, &headers, &mut crowd, 10).await;

    let before = node.cpu();
    let creates = creates_at(&format!("{}/scim/v2", node.url), &node.scim, 8);
    let cpu = cpu_per_operation(node, before, &creates);
    if node.backend == Backend::Sqlite {
        let limit = limits::durable_inserts_per_second(None).await;
        let bare = 100.0 * creates.per_second / limits::bare_inserts_per_second(8).await;
        let note = format!(
            "of raw durable inserts of the two rows, 8 a commit, through sqlx (aim: 40 %); {bare:.0} % of the same \
             without it, on a thread that does nothing else; {cpu}"
        );
        table.row(&format!("SCIM creates, 16 clients, {database}"), percent(&creates, limit), &note);
        if !table.compares() {
            creates_beside_peers(&creates, table);
        }
    } else {
        let limit = limits::pgbench_per_second(&node.database, CLIENTS);
        let note = format!("of pgbench -N with 16 clients (aim: 60 %); {cpu}");
        table.row(&format!("SCIM creates, 16 clients, {database}"), percent(&creates, limit), &note);
    }

    crowd.people(FEW + 1, MANY).await;
    crowd.settle(node.backend).await;
    many_beside_few(node, &headers, table).await;
    let large = member_changes(node, &headers, &mut crowd, CROWD).await;
    let times = Measured::less(small.per_second / large.per_second, "times").decimals(2);
    table.row(
        &format!("one member into a group of 100,000, {database}"),
        times,
        "the time of one into a group of 10 (aim: 1.2 times at most)",
    );
    // Waits until the new users are older than a minute, the time after which their ids count as settled.
    tokio::time::sleep(Duration::from_secs(61)).await;
    pages(node, &headers, &mut wire, table).await;
    import(node, &headers, &mut wire, table).await;
}

/// The same creates on other servers.
fn creates_beside_peers(creates: &Rate, table: &mut Table) {
    let peers = [
        ("scim2-server, as its command starts it", scim2_server()),
        ("scim2-server behind waitress, which keeps connections", scim2_server_behind_waitress()),
        ("scimmy-routers", scimmy()),
    ];
    for (name, peer) in peers {
        let times = Measured::more(creates.per_second / creates_of(peer), "times").decimals(1);
        let note = "they keep users in memory (aim: 10 times of scim2-server or scimmy-routers)";
        table.row(&format!("the same creates beside {name}"), times, note);
    }
}

async fn look_ups(node: &Node, headers: &str) -> (Rate, String) {
    let before = node.cpu();
    let rate = hammer(&node.url, headers, CLIENTS, 5, look_up).await;
    let cpu = cpu_per_operation(node, before, &rate);
    (rate, cpu)
}

/// Look-ups among few users in turns with a bare handler, because the speed of the machine varies from
/// minute to minute.
async fn look_ups_beside_bare(node: &Node, headers: &str, table: &mut Table) {
    let (mut ratios, mut cpu) = (Vec::new(), String::new());
    for _ in 0..5 {
        let bare = limits::bare_handler_by_wire_per_second(CLIENTS).await;
        let (rate, each) = look_ups(node, headers).await;
        ratios.push(100.0 * rate.per_second / bare);
        cpu = each;
    }
    let note = format!(
        "of a bare axum handler with the same client (aim: 25 %); median of {}; {cpu}",
        list(&ratios)
    );
    let what = format!("SCIM look-ups, 16 clients, {}", node.backend.name());
    table.row(&what, Measured::more(median(&ratios), "%"), &note);
}

/// The same look-ups on a new server with a thousand users and on this one, in turns.
async fn many_beside_few(node: &Node, headers: &str, table: &mut Table) {
    let other = Node::start(&node.binary, node.backend).await;
    Crowd::open(&other).await.people(1, FEW).await;
    let headers_there = format!("authorization: Bearer {}\r\n", other.scim);
    let mut times = Vec::new();
    for _ in 0..5 {
        let few = look_ups(&other, &headers_there).await.0;
        times.push(few.per_second / look_ups(node, headers).await.0.per_second);
    }
    other.stop().await;
    table.row(
        &format!("a look-up among 1,000,000, {}", node.backend.name()),
        Measured::less(median(&times), "times").decimals(2),
        &format!("the time of one among 1,000 in turns (aim: 1.2 times at most); median of {}", list(&times)),
    );
}

/// Adds and removes one member of a group of this size, with one client, as a provider pushes a group.
async fn member_changes(node: &Node, headers: &str, crowd: &mut Crowd, size: i64) -> Rate {
    let group = crowd.group(size).await;
    let newcomer = old_id(FEW);
    hammer(&node.url, headers, 1, 4, move |_, n| {
        let op = if n % 2 == 0 { "add" } else { "remove" };
        let operation = json!({"op": op, "path": "members", "value": [{"value": newcomer}]});
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation],
        });
        ("PATCH", format!("/scim/v2/Groups/{group}"), body.to_string())
    })
    .await
}

/// Pages of a hundred users: at the beginning, at 100,000, and by cursor.
async fn pages(node: &Node, headers: &str, wire: &mut Wire, table: &mut Table) {
    let at = async |path: String| {
        hammer(&node.url, headers, 2, 4, move |_, _| ("GET", path.clone(), String::new())).await.per_second
    };
    let first = at("/scim/v2/Users?startIndex=1&count=100".into()).await;
    let deep = at("/scim/v2/Users?startIndex=100000&count=100".into()).await;
    let begin = cursor(wire, headers, "").await;
    let mut next = begin.clone();
    for _ in 0..500 {
        next = cursor(wire, headers, &next.expect("more pages")).await;
    }
    let by_cursor = at(format!("/scim/v2/Users?count=100&cursor={}", begin.expect("a page"))).await;
    let by_deep_cursor = at(format!("/scim/v2/Users?count=100&cursor={}", next.expect("a page"))).await;
    let database = node.backend.name();
    for (place, rate, note) in [
        ("by startIndex 1", first, ""),
        ("by startIndex 100,000", deep, ""),
        ("by cursor, the second", by_cursor, "aim: 2,000/s"),
        ("by cursor, the 500th", by_deep_cursor, "aim: the same"),
    ] {
        let what = format!("pages of 100 users among 1,000,000, {place}, {database}");
        table.row(&what, Measured::more(rate, "a second"), note);
    }
}

/// The cursor of the page after `cursor`.
async fn cursor(wire: &mut Wire, headers: &str, cursor: &str) -> Option<String> {
    let path = format!("/scim/v2/Users?count=200&attributes=userName&cursor={cursor}");
    let reply = wire.send("GET", &path, headers, "").await;
    assert_eq!(reply.status, 200);
    let body: Value = serde_json::from_slice(wire.body()).expect("JSON");
    body["nextCursor"].as_str().map(str::to_owned)
}

/// A client that reads 100,000 users in pages.
async fn import(node: &Node, headers: &str, wire: &mut Wire, table: &mut Table) {
    let (before, begin) = (node.memory(), Instant::now());
    let (mut next, mut most) = (String::new(), before);
    for _ in 0..CROWD / 200 {
        let path = format!("/scim/v2/Users?count=200&cursor={next}");
        let reply = wire.send("GET", &path, headers, "").await;
        assert_eq!(reply.status, 200);
        let body: Value = serde_json::from_slice(wire.body()).expect("JSON");
        body["nextCursor"].as_str().expect("more pages").clone_into(&mut next);
        most = most.max(node.memory());
    }
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
    let per_second = CROWD as f64 / begin.elapsed().as_secs_f64();
    let (database, note) = (node.backend.name(), "to one client, 200 at a time");
    let what = format!("reading 100,000 users in pages, {database}");
    table.row(&what, Measured::more(per_second, "users/s"), note);
    let note = format!("over the {before:.1} MiB before it (RSS)");
    let more = Measured::less(most - before, "MiB more").decimals(1);
    table.row(&format!("memory while they are read, {database}"), more, &note);
}

/// An id from months ago; the ids are in the order of `n`.
fn old_id(n: i64) -> String {
    format!("019a0000-0000-7000-8000-{}", 100_000_000_000 + n)
}

/// Inserts users and groups directly, because provisioning is measured elsewhere.
struct Crowd {
    c: sqlx::AnyConnection,
    account: String,
    connection: String,
}

impl Crowd {
    async fn open(node: &Node) -> Self {
        sqlx::any::install_default_drivers();
        let mut c = sqlx::AnyConnection::connect(&node.database).await.expect("database");
        let (account, connection): (String, String) =
            sqlx::query_as("SELECT account_id, id FROM connections WHERE kind = 'scim'")
                .fetch_one(&mut c)
                .await
                .expect("a connection");
        Self { c, account, connection }
    }

    async fn people(&mut self, from: i64, to: i64) {
        let attributes = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "locale": "en-US", "title": "Engineer",
            "emails": [{"primary": true, "value": "somebody@bench.example", "type": "work"}],
        });
        sqlx::query(
            "INSERT INTO users (id, account_id, user_name, user_name_folded, email, email_folded, given_name, \
             family_name, display_name, active, connection_id, attributes, epoch, version, created_at, updated_at) \
             WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) \
             SELECT '019a0000-0000-7000-8000-' || (100000000000 + i), $3, 'd' || i || '@bench.example', \
             'd' || i || '@bench.example', 'd' || i || '@bench.example', 'd' || i || '@bench.example', 'Person', \
             'Number ' || i, 'Person Number ' || i, 1, $4, $5, 0, 1, 0, 0 FROM n",
        )
        .bind(from)
        .bind(to)
        .bind(&self.account)
        .bind(&self.connection)
        .bind(attributes.to_string())
        .execute(&mut self.c)
        .await
        .expect("people");
        sqlx::query("ANALYZE").execute(&mut self.c).await.expect("statistics");
    }

    /// Makes the database complete deferred writes, which would otherwise disturb the next measurement.
    async fn settle(&mut self, backend: Backend) {
        let own: &[&str] = match backend {
            Backend::Sqlite => &["PRAGMA wal_checkpoint(TRUNCATE)"],
            Backend::Postgres => &["VACUUM ANALYZE users", "CHECKPOINT"],
        };
        for statement in own {
            sqlx::query(*statement).execute(&mut self.c).await.expect("settled");
        }
    }

    /// Creates a group of the last `size` inserted users, without the user that the measurement adds and
    /// removes. Returns its id.
    async fn group(&mut self, size: i64) -> String {
        let id = format!("019a0000-0000-7000-8001-{}", 100_000_000_000 + size);
        sqlx::query(
            "INSERT INTO user_groups (id, account_id, name, name_folded, identifier, connection_id, attributes, version, \
             created_at, updated_at) VALUES ($1, $2, $1, $1, $1, $3, '{}', 1, 0, 0)",
        )
        .bind(&id)
        .bind(&self.account)
        .bind(&self.connection)
        .execute(&mut self.c)
        .await
        .expect("a group");
        sqlx::query(
            "INSERT INTO memberships (account_id, group_id, user_id, source, created_at) \
             SELECT account_id, $1, id, $2, 0 FROM users WHERE account_id = $3 AND id LIKE '019a0000-0000-7000-8000-%' \
             AND id <> $4 ORDER BY id DESC LIMIT $5",
        )
        .bind(&id)
        .bind(&self.connection)
        .bind(&self.account)
        .bind(old_id(FEW))
        .bind(size)
        .execute(&mut self.c)
        .await
        .expect("members");
        id
    }
}

fn scimmy() -> Command {
    let modules = root().join("target/peers/node/node_modules");
    assert!(modules.join("scimmy-routers").exists(), "scimmy-routers is missing: run 'make peers'");
    let mut command = Command::new("node");
    command.arg(root().join("benches/load/scimmy.js")).env("NODE_MODULES", modules);
    command
}

fn scim2_server() -> Command {
    // scim2-server cannot choose a free port by itself.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let mut command = Command::new(root().join("target/peers/venv/bin/scim2-server"));
    command.args(["--port", &free.port().to_string()]);
    command
}

fn scim2_server_behind_waitress() -> Command {
    let mut command = Command::new(root().join("target/peers/venv/bin/python"));
    command.arg(root().join("benches/load/scim_in_python.py"));
    command
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Creates through wrk for `seconds`, after one second that is not counted.
fn creates_at(base: &str, token: &str, seconds: u64) -> Rate {
    wrk(base, token, "w", 1);
    wrk(base, token, "u", seconds)
}

/// Runs wrk with [`CLIENTS`] connections. The names of the created users begin with `run`.
fn wrk(base: &str, token: &str, run: &str, seconds: u64) -> Rate {
    let done = Command::new("wrk")
        .args(["-t1", &format!("-c{CLIENTS}"), &format!("-d{seconds}s"), "--timeout", "10s", "-s"])
        .arg(root().join("benches/load/creates.lua"))
        .args(["-H", &format!("authorization: Bearer {token}"), &format!("{base}/Users"), "--", run])
        .output()
        .expect("wrk is missing: run 'make peers'");
    let said = String::from_utf8_lossy(&done.stdout);
    let last = said.lines().last().unwrap_or_default().split(' ');
    let numbers: Vec<u64> = last.filter_map(|number| number.parse().ok()).collect();
    let [count, micros, failed] = numbers[..] else { panic!("wrk: {said}") };
    // A server that accepts connections one by one drops some of them.
    assert!(failed * 100 <= count, "wrk: {said}");
    print_rate(&format!("{count} in {seconds} s"));
    let seconds = as_float(micros) / 1e6;
    Rate { count, per_second: as_float(count) / seconds, seconds }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

/// Creates per second on another server, with the same client. Its first line of output ends with its base
/// URL.
fn creates_of(mut peer: Command) -> f64 {
    let peer = peer.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Peer(peer.spawn().expect("starts: run 'make peers'"));
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.0.stdout.take().expect("stdout"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("its address");
    let base = line.find("http").map(|at| line[at..].trim()).expect("an address");
    creates_at(base, "x", 5).per_second
}

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
