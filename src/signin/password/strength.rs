//! Password strength, as zxcvbn estimates it. It is shown while the user types and refuses nothing.

use serde::Serialize;
use utoipa::ToSchema;
use zxcvbn::{Score, zxcvbn};

use super::plaintext::Password;
use super::policy::PersonalTerms;

/// Beyond this many characters the estimate is expensive and does not change.
const ESTIMATED: usize = 100;

/// An estimate of the strength of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Strength {
    /// The strength from 0 (very weak) to 4 (strong).
    pub score: u8,
    /// The strength in words.
    pub label: &'static str,
}

/// Estimates `password` against an attacker who knows the person's names.
#[must_use]
pub fn strength(password: &Password, person: &PersonalTerms) -> Strength {
    let cut: String = password.as_str().chars().take(ESTIMATED).collect();
    let (score, label) = match zxcvbn(&cut, &person.names()).score() {
        Score::Zero => (0, "Very weak"),
        Score::One => (1, "Weak"),
        Score::Two => (2, "Fair"),
        Score::Three => (3, "Good"),
        _ => (4, "Strong"),
    };
    Strength { score, label }
}
