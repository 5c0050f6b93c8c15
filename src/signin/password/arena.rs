//! The working memory of argon2.
//!
//! This serves the benchmark *password sign-ins* of `docs/benchmarks.md`.

use argon2::Block;

use crate::kernel::memory;

/// Memory that is allocated once and reused for each hash.
#[derive(Default)]
pub(super) struct Arena(Vec<Block>);

impl Arena {
    /// `count` blocks of 1 KiB with arbitrary content.
    pub(super) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            // The old memory is freed first, so that both never exist at the same time.
            self.0 = Vec::new();
            self.0 = memory::with_huge_pages(|| vec![Block::new(); count]);
        }
        &mut self.0[..count]
    }
}
