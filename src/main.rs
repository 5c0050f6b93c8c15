//! The `vestibule` binary.

use std::process::ExitCode;

/// Tasks move between threads, and what they hold with them: the system's allocator has a lock for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vestibule::kernel::memory::disable_huge_pages();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(vestibule::cli::run()),
        Err(error) => {
            eprintln!("vestibule: the system gives no threads: {error}");
            ExitCode::FAILURE
        }
    }
}
