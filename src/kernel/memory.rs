//! Transparent huge pages for password hashing only.
//!
//! Memory that is read in random order, megabytes of it, is about 5 % faster in pages of 2 MiB than in
//! pages of 4 KiB, because the processor's address translation covers more of it. Elsewhere huge pages
//! waste memory: the first byte written occupies the whole page. The allocator requests them everywhere
//! (where `/sys/kernel/mm/transparent_hugepage/enabled` says `always` or `madvise`), so they are disabled
//! for the process and enabled only while memory for hashing is allocated. Without system support nothing
//! changes.
//!
//! It serves the benchmarks *password sign-ins* (huge pages for the hashes) and *idle memory* (none
//! elsewhere) of `docs/benchmarks.md`.

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
