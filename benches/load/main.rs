//! Load, as ratios against the limits of the same machine in the same run: `make bench`.
//!
//! Absolute numbers depend on the machine; what is printed to be compared is the ratio, and the CPU
//! time of the server for each operation.

mod harness;
mod limits;
mod operations;

use harness::{Node, Table};

fn main() {
    // `cargo test` builds and runs benches too; only `cargo bench` passes --bench.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let mut table = Table::default();
    let postgres = std::env::var("VESTIBULE_TEST_POSTGRES").ok();
    for database in std::iter::once(None).chain(postgres.map(Some)) {
        let name = if database.is_some() { "PostgreSQL" } else { "SQLite" };
        let node = Node::start(database.as_deref()).await;
        if database.is_none() {
            table.line("start to /readyz", &format!("{} ms", node.started.as_millis()), "aim: under 100 ms");
            table.line("idle memory (RSS)", &format!("{:.1} MiB", node.memory()), "aim: under 30 MiB");
            let hashes = limits::argon2_per_second().await;
            operations::password_sign_ins(&node, hashes, &mut table).await;
        }
        let bare = limits::bare_handler_per_second().await;
        operations::me(&node, name, bare, &mut table).await;
        let inserts = limits::durable_inserts_per_second(database.as_deref()).await;
        operations::scim_creates(&node, name, inserts, &mut table).await;
    }
    table.print();
}
