//! Load benchmarks, as ratios to what the same machine can do in the same run: `make bench`.
//!
//! Absolute numbers depend on the machine; compare the ratios, and the CPU time of the server for each
//! operation. `cargo bench --bench load -- sign-ins` measures one part: `start`, `sign-ins`, `flood`,
//! `import`, `timing`, `saml-judge`, `saml`, `operations`, `scim`, `ldap`, `million`.
//!
//! `BENCH_BEFORE=/path/to/vestibule` measures that binary and this one in turns (`docs/benchmarks.md`).

#[path = "../../tests/harness/directory.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
mod directory;
mod harness;
mod ldap;
mod limits;
mod million;
mod operations;
mod passwords;
mod saml;
mod scim;
mod table;
mod timing;
mod wire;

use std::path::PathBuf;

use harness::{Backend, Node, built_binary};
use table::{Measured, Side, Table};

/// The server's allocator, because SAML validation is measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // `cargo test` builds and runs benches too; only `cargo bench` passes --bench.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    if let Some(count) = std::env::var("VESTIBULE_BENCH_JUDGE").ok().and_then(|text| text.parse().ok()) {
        return saml::judge_many(count);
    }
    vestibule::kernel::memory::disable_huge_pages();
    // One worker thread leaves the other cores to the server that is measured.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}

/// What `directory.rs`, which is shared with the tests, expects of its parent.
mod peers {
    use std::net::TcpListener;
    use std::process::Child;

    /// A port of this machine that is free.
    pub(crate) fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("address").port()
    }

    /// A child process that is killed when this value is dropped.
    pub(crate) struct Ending(pub(crate) Child);

    impl Drop for Ending {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}

/// Whether a part is to be measured: all are, unless some are named after `--`.
fn wanted(part: &str) -> bool {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    named.is_empty() || named.iter().any(|name| name == part)
}

/// A part that is measured on a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Start,
    SignIns,
    Flood,
    Import,
    Timing,
    Saml,
    Operations,
    Scim,
    Ldap,
    Million,
}

impl Part {
    /// The order of measurement. Parts that create many users come last.
    const ALL: [Self; 10] = [
        Self::Start,
        Self::SignIns,
        Self::Flood,
        Self::Import,
        Self::Timing,
        Self::Saml,
        Self::Operations,
        Self::Scim,
        Self::Ldap,
        Self::Million,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::SignIns => "sign-ins",
            Self::Flood => "flood",
            Self::Import => "import",
            Self::Timing => "timing",
            Self::Saml => "saml",
            Self::Operations => "operations",
            Self::Scim => "scim",
            Self::Ldap => "ldap",
            Self::Million => "million",
        }
    }

    /// Whether the part is measured on this database. The parts that depend little on it are measured on
    /// SQLite only.
    fn is_measured_on(self, backend: Backend) -> bool {
        let on_one = matches!(self, Self::Start | Self::SignIns | Self::Flood | Self::Import);
        backend == Backend::Sqlite || !on_one
    }

    async fn measure(self, candidate: &Candidate, table: &mut Table) {
        let node = &candidate.node;
        match self {
            Self::Start => {
                let started = Measured::less(node.started.as_secs_f64() * 1000.0, "ms");
                table.row("start to /readyz", started, "aim: under 100 ms");
                let memory = Measured::less(candidate.idle_memory, "MiB").decimals(1);
                table.row("idle memory (RSS)", memory, "aim: under 30 MiB");
            }
            Self::SignIns => passwords::sign_ins(node, table).await,
            Self::Flood => passwords::flood(node, candidate.idle_memory, table).await,
            Self::Import => passwords::import(&node.binary, table),
            Self::Timing => timing::refusals(node, table).await,
            Self::Saml => saml::sign_ins(node, table).await,
            Self::Operations => {
                let bare = limits::bare_handler_per_second().await;
                operations::me(node, bare, table).await;
            }
            Self::Scim => scim::all(node, table).await,
            Self::Ldap => ldap::all(node, table).await,
            Self::Million => million::enforce(node, table).await,
        }
    }
}

/// A server that is measured.
struct Candidate {
    side: Side,
    node: Node,
    /// The memory before any load, in MiB.
    idle_memory: f64,
}

/// The binaries to measure, in turns.
fn binaries() -> Vec<(Side, PathBuf)> {
    let before = std::env::var_os("BENCH_BEFORE").map(|path| (Side::Before, PathBuf::from(path)));
    before.into_iter().chain([(Side::After, built_binary())]).collect()
}

async fn run() {
    let mut binaries = binaries();
    let mut table = Table::new(binaries.len() > 1);
    if !table.compares() {
        saml::judgements(&mut table);
    }
    let turns = std::env::var("BENCH_TURNS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let with_postgres = std::env::var_os("VESTIBULE_TEST_POSTGRES").is_some();
    for _ in 0..turns {
        run_on(Backend::Sqlite, &binaries, &mut table).await;
        if with_postgres {
            run_on(Backend::Postgres, &binaries, &mut table).await;
        }
        // The order is reversed for the next turn.
        binaries.reverse();
    }
    table.print();
}

/// Measures part after part, each on one server after the other while the other servers are suspended.
async fn run_on(backend: Backend, binaries: &[(Side, PathBuf)], table: &mut Table) {
    let parts = Part::ALL.into_iter().filter(|part| wanted(part.name()) && part.is_measured_on(backend));
    let parts: Vec<Part> = parts.collect();
    if parts.is_empty() {
        return;
    }
    let mut candidates = Vec::new();
    for (side, binary) in binaries {
        let node = Node::start(binary, backend).await;
        let idle_memory = node.memory();
        if parts.iter().any(|part| matches!(part, Part::SignIns | Part::Flood)) {
            passwords::make_people(&node).await;
        }
        node.pause();
        candidates.push(Candidate { side: *side, node, idle_memory });
    }
    for part in parts {
        for candidate in &candidates {
            table.measures(candidate.side);
            candidate.node.resume();
            part.measure(candidate, table).await;
            candidate.node.pause();
        }
    }
    for candidate in candidates {
        candidate.node.stop().await;
    }
}
