//! The `vestibule` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Half a worker a core: SQLite and password hashing have threads of their own, and a worker more than
    // there is work for is woken at every answer of theirs, which costs more than it brings.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(cores.div_ceil(2)).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(vestibule::cli::run()),
        Err(error) => {
            eprintln!("vestibule: the system gives no threads: {error}");
            ExitCode::FAILURE
        }
    }
}
