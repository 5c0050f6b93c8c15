//! A password as somebody typed it.

use icu_normalizer::ComposingNormalizerBorrowed;

/// At most this many characters; a limit only so that a request stays small. Nothing is cut off:
/// longer ones are refused (NIST SP 800-63B-4 §3.1.1.2 asks for at least 64).
pub const MAX_CHARACTERS: usize = 256;

/// A typed password, in Unicode's canonical composition (NFC), so that the same keys give the same
/// password on every device (RFC 8265 §4.2.1). Never shown: it has no `Debug` and no `Display`.
#[derive(Clone)]
pub struct Password {
    composed: String,
    typed: String,
}

impl Password {
    /// Takes what was typed, as it is: white space counts.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let composed = ComposingNormalizerBorrowed::new_nfc().normalize(typed).into_owned();
        Self { composed, typed: typed.to_owned() }
    }

    /// What is hashed and judged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.composed
    }

    /// What was typed, before composition: other systems hashed that.
    pub(super) fn as_typed(&self) -> &str {
        &self.typed
    }

    /// Characters, as a person counts them.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.composed.chars().count()
    }

    /// Whether it is longer than any that could be set, so that hashing it is wasted work.
    pub(super) fn is_too_long(&self) -> bool {
        self.typed.len() > 8 * MAX_CHARACTERS || self.characters() > MAX_CHARACTERS
    }
}
