//! Load, as ratios against the limits of the same machine in the same run: `make bench`.
//!
//! Absolute numbers depend on the machine; what is printed to be compared is the ratio, and the CPU
//! time of the server for each operation. `cargo bench --bench load -- sign-ins` measures one part: `sign-ins`,
//! `flood`, `import`, `saml-judge`, `saml`, `operations`, `scim`, `ldap`, `million`.

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
mod wire;

use harness::{Node, Table};

/// The server's: judgements are measured in this process.
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
    // One thread: the load must leave the processor to who is measured.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run());
}

/// What the pieces that the tests share need of them.
mod peers {
    use std::process::Child;

    /// A child process that ends with its owner.
    pub(crate) struct Ending(pub(crate) Child);

    impl Drop for Ending {
        fn drop(&mut self) {
            drop(self.0.kill());
            drop(self.0.wait());
        }
    }
}

/// Whether a part is to be measured: all, or those named after `--`.
fn wanted(part: &str) -> bool {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    named.is_empty() || named.iter().any(|name| name == part)
}

async fn run() {
    let mut table = Table::default();
    saml::judgements(&mut table);
    let postgres = std::env::var("VESTIBULE_TEST_POSTGRES").ok();
    for database in std::iter::once(None).chain(postgres.map(Some)) {
        let name = if database.is_some() { "PostgreSQL" } else { "SQLite" };
        let node = Node::start(database.as_deref()).await;
        if database.is_none() {
            table.line("start to /readyz", &format!("{} ms", node.started.as_millis()), "aim: under 100 ms");
            let idle_memory = node.memory();
            table.line("idle memory (RSS)", &format!("{idle_memory:.1} MiB"), "aim: under 30 MiB");
            passwords::make_people(&node).await;
            if wanted("sign-ins") {
                passwords::sign_ins(&node, &mut table).await;
            }
            if wanted("flood") {
                passwords::flood(&node, idle_memory, &mut table).await;
            }
            if wanted("import") {
                passwords::import(&mut table);
            }
        }
        if wanted("saml") {
            saml::sign_ins(&node, name, &mut table).await;
        }
        if wanted("operations") {
            let bare = limits::bare_handler_per_second().await;
            operations::me(&node, name, bare, &mut table).await;
        }
        if wanted("scim") {
            scim::all(&node, name, &mut table).await;
        }
        if wanted("ldap") {
            ldap::all(&node, name, &mut table).await;
        }
        if wanted("million") {
            million::enforce(&node, name, &mut table).await;
        }
    }
    table.print();
}
