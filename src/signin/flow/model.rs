//! A sign-in under way.

use super::super::Proof;

/// A flow, as its browser or the callback may see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Flow {
    /// Its id; worth nothing without the browser's cookie.
    pub id: String,
    /// The account, when it is known.
    pub account_id: Option<String>,
    /// Who they say they are; empty when they came straight to an identity provider.
    pub identifier: String,
    /// The local path to land on.
    pub return_to: String,
    /// The connection they were sent to.
    pub connection_id: Option<String>,
    pub(super) proof: Option<String>,
}

impl Flow {
    /// The proof that was delivered, if one was.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        serde_json::from_str(self.proof.as_deref()?).ok()
    }
}
