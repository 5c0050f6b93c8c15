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
