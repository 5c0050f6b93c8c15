//! The `vestibule` binary.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    vestibule::cli::run().await
}
