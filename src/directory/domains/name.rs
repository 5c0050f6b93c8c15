//! The name of a domain in the form that is stored and compared, and the names that no organization owns.

use crate::directory::Error;

/// Providers that give addresses to everybody: an address of theirs says nothing about the domain.
const FREE_MAIL: &str = include_str!("free_mail.txt");

/// The ASCII form of a domain in lowercase (RFC 5891 §4, UTS 46), or `None` for what cannot be a domain name.
pub(crate) fn to_ascii(text: &str) -> Option<String> {
    let text = text.trim();
    // A plain name, as nearly all are, is not worth the work of the library, nor is what is too long for it.
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let ascii = if text.len() <= 1_024 { idna::domain_to_ascii_strict(text).ok()? } else { return None };
    (ascii.contains('.') && !ascii.ends_with('.') && ascii.chars().all(is_plain)).then_some(ascii)
}

/// The name of a domain that an account may claim.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DomainName(String);

impl DomainName {
    /// Reads a domain, and refuses what belongs to no organization in particular. `field` is the field of the request.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Invalid { field, reason };
        let text = text.trim().trim_start_matches('@').trim_end_matches('.');
        let Some(ascii) = to_ascii(text).filter(|ascii| !is_address(ascii)) else {
            return Err(invalid("must be a domain such as example.com".to_owned()));
        };
        if psl::suffix(ascii.as_bytes()).is_none_or(|suffix| suffix.as_bytes() == ascii.as_bytes()) {
            return Err(invalid(format!(
                "cannot be {ascii}: it is a public suffix, under which anybody can register domains. Enter a domain \
                 that your organization has registered, such as example.{ascii}"
            )));
        }
        if FREE_MAIL.lines().any(|line| line == ascii) {
            return Err(invalid(format!(
                "cannot be {ascii}: it is a public email provider, where anybody can get an address. Enter a domain \
                 that your organization has registered; users with other addresses can be invited or created"
            )));
        }
        Ok(Self(ascii))
    }

    /// The name of a domain that is stored.
    pub(super) fn stored(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name in lowercase ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the name is an IPv4 address or would be read as one: its last label is a number (RFC 3696 §2).
fn is_address(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
#[path = "name_tests.rs"]
mod tests;
