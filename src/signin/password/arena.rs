//! The memory argon2 works in.
//!
//! It serves the benchmark *password sign-ins* of the README.

use argon2::Block;

use crate::kernel::memory;

/// Memory that is made once and used for one hash after the other.
#[derive(Default)]
pub(super) struct Arena(Vec<Block>);

impl Arena {
    /// `count` blocks of 1 KiB with anything in them.
    pub(super) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            // Given back first: there should be one at a time.
            self.0 = Vec::new();
            self.0 = memory::with_huge_pages(|| vec![Block::new(); count]);
        }
        &mut self.0[..count]
    }
}
