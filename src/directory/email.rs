//! Email addresses. The rules are narrower than RFC 5321: an address must be safe in a mail header and have
//! one form for comparison.

use super::{Error, fold_case};

/// An address that is safe to store, compare and put into a mail header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Accepts `local@domain` of at most 254 characters (RFC 5321 §4.5.3.1.3) without white space,
    /// control characters, quotes or list separators.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let invalid = |reason: &str| Error::Invalid { field: "email", reason: reason.to_owned() };
        let malformed = || invalid("must be an email address such as name@example.com");
        let (local, domain) = text.rsplit_once('@').ok_or_else(malformed)?;
        if local.is_empty() || domain.is_empty() || text.len() > 254 {
            return Err(malformed());
        }
        let strange = |c: char| c.is_control() || c.is_whitespace() || "<>()[],;:\\\"@".contains(c);
        if local.contains(strange) || domain.contains(strange) {
            return Err(invalid("contains a character that is not allowed in an email address"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The address as it was entered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address in the form that is compared and stored for uniqueness.
    #[must_use]
    pub fn folded(&self) -> String {
        fold_case(&self.0)
    }

    /// Whether this is the name that Entra ID makes for a guest, such as
    /// `eve_partner.example#EXT#@acme.onmicrosoft.com`. It is not an address, as no mail can be received there.
    #[must_use]
    pub fn is_guest_name(&self) -> bool {
        self.folded().contains("#ext#")
    }

    /// The part after the `@`, case-folded.
    #[must_use]
    pub fn domain(&self) -> String {
        domain_of(&self.0).unwrap_or_default()
    }
}

/// The case-folded domain of a text that may be an address.
#[must_use]
pub(crate) fn domain_of(text: &str) -> Option<String> {
    text.rsplit_once('@').map(|(_, domain)| fold_case(domain)).filter(|domain| !domain.is_empty())
}

#[cfg(test)]
#[path = "email_tests.rs"]
mod tests;
