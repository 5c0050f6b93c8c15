//! The most common passwords as a Bloom filter: no false negatives, one false positive in about 15,000.
//!
//! `common.bin` holds the first 100,000 entries (96,518 when case is ignored) of the 10-million-password
//! list of OWASP `SecLists` (CC BY-SA 3.0) in 250,000 bytes: 20 bits per entry, 14 positions.
//! `tools/common-passwords` generates it and names its source.

use aws_lc_rs::digest;

static FILTER: &[u8; 250_000] = include_bytes!("common.bin");
const POSITIONS: u64 = 14;

/// Whether `password`, ignoring case, is one of the most common ones, or is one of them with up to six
/// digits and symbols around it (`Password123!`).
#[must_use]
pub(super) fn is_common(password: &str) -> bool {
    let folded = password.to_lowercase();
    if contains(&folded) {
        return true;
    }
    let word = folded.trim_matches(|c: char| !c.is_alphabetic());
    let around = folded.chars().count() - word.chars().count();
    around > 0 && around <= 6 && word.chars().count() >= 4 && contains(word)
}

fn contains(word: &str) -> bool {
    let digest = digest::digest(&digest::SHA256, word.as_bytes());
    let half = |n: usize| {
        digest.as_ref()[n * 8..(n + 1) * 8].iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte))
    };
    let (first, step) = (half(0), half(1));
    let bits = FILTER.len() as u64 * 8;
    (0..POSITIONS).all(|n| {
        let at = first.wrapping_add(n.wrapping_mul(step)) % bits;
        usize::try_from(at / 8).is_ok_and(|byte| FILTER[byte] & (1 << (at % 8)) != 0)
    })
}
