//! Random bytes from the operating system, which is the only source of randomness for secrets.

/// `N` random bytes.
///
/// # Panics
///
/// Panics when the operating system cannot provide randomness, because no secret would be safe then.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    aws_lc_rs::rand::fill(&mut out).expect("the operating system gives random bytes");
    out
}
