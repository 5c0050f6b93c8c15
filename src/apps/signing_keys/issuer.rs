//! The issuer of an account: the name in what it signs, and where its keys are.

use crate::kernel::urls::Urls;

/// The issuer of an account, `{public_url}/a/{account}`.
#[derive(Debug, Clone)]
pub struct Issuer(String);

impl Issuer {
    /// The issuer of the account with this short name.
    #[must_use]
    pub fn of(urls: &Urls, slug: &str) -> Self {
        Self(urls.absolute(&format!("/a/{slug}")))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0
    }

    /// Where its public keys are (RFC 7517 §5).
    #[must_use]
    pub fn jwks_uri(&self) -> String {
        format!("{}/jwks", self.0)
    }
}
