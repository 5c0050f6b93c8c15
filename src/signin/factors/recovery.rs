//! Recovery codes: a set of ten, shown once, each valid once. Each has 80 random bits, so a plain hash is
//! enough.

use super::store;
use crate::directory::users::User;
use crate::kernel::{Tx, UserId, random, tokens};

/// The number of codes in a set.
const COUNT: usize = 10;
/// Omits 0, 1, l and o, because people read and type the codes.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH: usize = 16;

/// Replaces all codes of the user with a new set, which is shown only once.
pub(super) async fn generate_codes(tx: &mut Tx, user: &User) -> Result<Vec<String>, sqlx::Error> {
    let codes = random_codes();
    let hashes: Vec<String> = codes.iter().filter_map(|code| hash(&user.id, code)).collect();
    store::replace_recovery_codes(tx, user, &hashes).await?;
    Ok(codes)
}

/// A new set, in the form in which it is shown.
fn random_codes() -> Vec<String> {
    (0..COUNT).map(|_| random_code()).collect()
}

fn random_code() -> String {
    let letters =
        random::bytes::<LENGTH>().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The stored form of a typed code, or `None` if it does not look like one. Dashes, white space and case
/// are ignored.
pub(super) fn hash(user_id: &UserId, typed: &str) -> Option<String> {
    let letters: String =
        typed.chars().filter(|c| *c != '-' && !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    let fits = letters.len() == LENGTH && letters.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then(|| tokens::hash(&format!("{user_id}/{letters}")))
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
