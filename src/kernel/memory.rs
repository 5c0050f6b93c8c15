//! Huge pages for password hashing only.
//!
//! Memory that is read in no order, megabytes of it, is a twentieth faster in pages of 2 MiB than in pages of 4 KiB:
//! the processor need not look up where each one lies. For everything else they cost memory: the first byte of a page
//! takes all of it. The allocator asks the system for large ones everywhere (where
//! `/sys/kernel/mm/transparent_hugepage/enabled` says `always` or `madvise`), so they are turned off for the process
//! and on again for the moment in which such memory is made. Where the system has none, nothing changes.
//!
//! It serves the benchmarks *password sign-ins* (the large pages of the hashes) and *idle memory* (none anywhere else) of
//! the README.

use std::sync::{Mutex, PoisonError};

use rustix::thread::disable_transparent_huge_pages;

/// Disables huge pages for the process, except in [`with_huge_pages`]. Call this before memory is
/// allocated.
pub fn disable_huge_pages() {
    // Fails only where the system has no huge pages.
    let _ = disable_transparent_huge_pages(true);
}

/// Runs `work` with huge pages enabled. Memory that is first written in it stays in huge pages.
///
/// The setting is process-wide, so other threads get huge pages too in the meantime: keep `work` short.
pub fn with_huge_pages<T>(work: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = disable_transparent_huge_pages(false);
    let done = work();
    disable_huge_pages();
    done
}
