//! The test harness: servers, clients and third-party peers.

pub mod browser;
pub mod client;
pub mod directory;
pub mod dns;
pub mod encrypt;
pub mod idp;
pub mod mail;
pub mod peers;
pub mod phone;
pub mod process;
pub mod provider;
pub mod server;
pub mod work;

pub use client::{Answer, Client};
pub use server::{Backend, Server, Tenant};
pub use work::{Work, WorkLog};

/// How long a test waits for what must come. Only a test that fails waits for so long.
pub const WAIT_LIMIT: std::time::Duration = std::time::Duration::from_secs(90);

/// A moment in which a loop that waits leaves the processor to the server and its peers.
pub async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
}

/// Defines a test for each function, once on SQLite and once on PostgreSQL. The function gets a fresh
/// server, started by `with` if that is given.
#[macro_export]
macro_rules! on_both {
    ($(#[$meta:meta])* async $($rest:tt)*) => {
        $crate::on_both! { with $crate::harness::Server::start; $(#[$meta])* async $($rest)* }
    };
    (with $start:path; $($(#[$meta:meta])* async fn $name:ident($server:ident: Server) $body:block)*) => {
        $(mod $name {
            use super::*;

            async fn run($server: &Server) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(&$start($crate::harness::Backend::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(&$start($crate::harness::Backend::Postgres).await).await;
            }
        })*
    };
}
