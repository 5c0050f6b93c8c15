//! The `vestibule` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(vestibule::cli::run()),
        Err(error) => {
            eprintln!("vestibule: the system gives no threads: {error}");
            ExitCode::FAILURE
        }
    }
}
