//! The `vestibule` binary.

use std::process::ExitCode;

/// mimalloc, because tasks move between threads and free memory there, for which the system's allocator
/// takes a lock.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vestibule::kernel::memory::disable_huge_pages();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(vestibule::cli::run()),
        Err(error) => {
            eprintln!("vestibule: cannot start threads: {error}");
            ExitCode::FAILURE
        }
    }
}
