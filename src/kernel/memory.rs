//! Huge pages for password hashing only.
//!
//! Megabytes of memory that are read in random order are about 5 % faster in pages of 2 MiB than in pages
//! of 4 KiB, because of fewer TLB misses. Elsewhere huge pages waste memory, since touching one byte
//! allocates the whole page. The allocator requests huge pages everywhere (where
//! `/sys/kernel/mm/transparent_hugepage/enabled` is `always` or `madvise`), so they are disabled for the
//! process and enabled only while such memory is allocated. On systems without huge pages both functions
//! have no effect.

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
