//! The email domains that may sign in.

use super::declaration::AuthenticationSettings;

impl AuthenticationSettings {
    /// Whether an address in `domain` (folded) may sign in.
    #[must_use]
    pub fn allows_domain(&self, domain: &str) -> bool {
        self.email_domains.is_empty() || self.email_domains.iter().any(|allowed| allowed == domain)
    }

    /// The domains that may sign in, for display.
    #[must_use]
    pub fn allowed_domains_text(&self) -> String {
        if self.email_domains.is_empty() { "any domain".to_owned() } else { self.email_domains.join(", ") }
    }
}

/// A loose check of the syntax of a mail domain.
pub(crate) fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
        })
}
