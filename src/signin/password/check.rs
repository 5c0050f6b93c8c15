//! What a password must be: long enough, and not the person's own name. Length is what counts
//! (NIST SP 800-63B-4 §3.1.1.2); all of Unicode is welcome and nothing is cut off.

use crate::directory::Error;

/// At least this many characters.
pub const MIN_CHARACTERS: usize = 10;
/// At most this many; a limit only so that a request stays small.
pub const MAX_CHARACTERS: usize = 256;

/// Refuses a password that is too short, too long, or one of `own` (user name, email).
///
/// # Errors
/// [`Error::Invalid`] for `password`, in words for the person.
pub fn check(password: &str, own: &[&str]) -> Result<(), Error> {
    let length = password.chars().count();
    let invalid = |reason: String| Err(Error::Invalid { field: "password", reason });
    if length < MIN_CHARACTERS {
        return invalid(format!("must have at least {MIN_CHARACTERS} characters"));
    }
    if length > MAX_CHARACTERS {
        return invalid(format!("must have at most {MAX_CHARACTERS} characters"));
    }
    let lower = password.to_lowercase();
    if own.iter().any(|name| !name.is_empty() && lower == name.to_lowercase()) {
        return invalid("must not be your user name or address".to_owned());
    }
    Ok(())
}
