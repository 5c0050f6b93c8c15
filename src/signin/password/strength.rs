//! Password strength, as zxcvbn estimates it. It is shown while the user types and refuses nothing.

use serde::Serialize;
use utoipa::ToSchema;
use zxcvbn::{Score, zxcvbn};

use super::plaintext::Password;
use super::policy::PersonalTerms;

/// Beyond this many characters the estimate is expensive and does not change.
const ESTIMATED: usize = 100;

/// An estimate in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Strength {
    /// 0 (falls at once) to 4 (stands).
    pub score: u8,
    /// The same in words.
    pub label: &'static str,
}

/// Estimates `password` against an attacker who knows the person's names.
#[must_use]
pub fn strength(password: &Password, person: &PersonalTerms) -> Strength {
    let cut: String = password.as_str().chars().take(ESTIMATED).collect();
    let (score, label) = match zxcvbn(&cut, &person.names()).score() {
        Score::Zero => (0, "Guessed at once"),
        Score::One => (1, "Easily guessed"),
        Score::Two => (2, "Could be stronger"),
        Score::Three => (3, "Good"),
        _ => (4, "Strong"),
    };
    Strength { score, label }
}
