//! Large pages for the one place that gains by them.
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

/// No large pages from here on, but in [`with_large_pages`]. To be called before memory is used.
pub fn disable_huge_pages() {
    // Fails only where the system has no large pages.
    let _ = disable_transparent_huge_pages(true);
}

/// Runs `work`; what it is the first to write to lies in large pages, and stays there.
///
/// What other threads write to for the first time in the meantime does as well: `work` should be short.
pub fn with_huge_pages<T>(work: impl FnOnce() -> T) -> T {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = disable_transparent_huge_pages(false);
    let done = work();
    disable_huge_pages();
    done
}
