//! Recovery codes: ten, shown once, each good for one sign-in. 80 random bits each, so that a hash is enough.

use super::store;
use crate::directory::users::User;
use crate::kernel::{Tx, random, tokens};

/// How many one gets.
const COUNT: usize = 10;
/// No 0, 1, l, o: they are read and typed by people.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH: usize = 16;

/// Gives the user a fresh set in the place of all they had; to be shown once.
pub(super) async fn generate_codes(tx: &mut Tx, user: &User) -> Result<Vec<String>, sqlx::Error> {
    let codes = random_codes();
    let hashes: Vec<String> = codes.iter().filter_map(|code| hash(&user.id, code)).collect();
    store::replace_recovery_codes(tx, user, &hashes).await?;
    Ok(codes)
}

/// A fresh set, as its owner writes it down.
fn random_codes() -> Vec<String> {
    (0..COUNT).map(|_| random_code()).collect()
}

fn random_code() -> String {
    let letters =
        random::bytes::<LENGTH>().map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// The stored form of a code that somebody typed, if it looks like one: dashes, spaces and case do not matter.
pub(super) fn hash(user_id: &str, typed: &str) -> Option<String> {
    let letters: String =
        typed.chars().filter(|c| *c != '-' && !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    let fits = letters.len() == LENGTH && letters.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then(|| tokens::hash(&format!("{user_id}/{letters}")))
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;
