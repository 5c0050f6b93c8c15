//! Who exists: accounts, their domains, users, groups and memberships. The only writer of these tables.

pub mod accounts;
pub mod domains;
mod email;
mod error;
pub mod groups;
mod page_request;
pub mod users;

pub use email::Email;
pub(crate) use email::domain_of;
pub use error::Error;
pub use page_request::PageRequest;

/// The form in which names are compared: without case, without surrounding white space.
#[must_use]
pub fn fold_case(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Refuses what cannot be a name: empty, longer than `max` characters, or with control characters.
pub(crate) fn check_name(field: &'static str, text: &str, max: usize) -> Result<(), Error> {
    let reason = if text.trim().is_empty() {
        "must not be empty".to_owned()
    } else if text.chars().count() > max {
        format!("must have at most {max} characters")
    } else if text.chars().any(char::is_control) {
        "must not contain control characters".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Invalid { field, reason })
}
