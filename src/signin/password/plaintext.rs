//! A password as the user typed it.

use icu_normalizer::ComposingNormalizerBorrowed;

/// The maximum number of characters, which only keeps requests small. Longer passwords are refused and not
/// truncated (NIST SP 800-63B-4 §3.1.1.2 requires at least 64).
pub const MAX_CHARACTERS: usize = 256;

/// A typed password in Unicode's canonical composition (NFC), so that the same keys give the same password
/// on every device (RFC 8265 §4.2.1). It has no `Debug` and no `Display`, so that it cannot be shown by
/// accident.
#[derive(Clone)]
pub struct Password {
    composed: String,
    typed: String,
}

impl Password {
    /// Takes the text exactly as typed: white space counts.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let composed = ComposingNormalizerBorrowed::new_nfc().normalize(typed).into_owned();
        Self { composed, typed: typed.to_owned() }
    }

    /// The composed form, which is hashed and checked against the policy.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.composed
    }

    /// The form before composition, which another system may have hashed.
    pub(super) fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The number of characters in the composed form.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.composed.chars().count()
    }

    /// Whether it is longer than any password that could be set, so that hashing it is wasted work.
    pub(super) fn is_too_long(&self) -> bool {
        self.typed.len() > 8 * MAX_CHARACTERS || self.characters() > MAX_CHARACTERS
    }
}
