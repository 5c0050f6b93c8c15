//! A sign-in under way.

use super::super::Proof;

/// A flow, as its browser or the callback may see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Flow {
    /// Its id, or the ticket that stands for it; worth nothing without the browser's cookie.
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
    demands: Option<String>,
}

/// The value of `demands` for a proved flow whose password has ended.
pub(super) const NEW_PASSWORD: &str = "new_password";

impl Flow {
    /// The proof that was delivered, if one was.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        serde_json::from_str(self.proof.as_deref()?).ok()
    }

    pub(super) fn from_ticket(
        ticket: &str,
        account_id: Option<String>,
        identifier: String,
        return_to: String,
    ) -> Self {
        Self {
            id: ticket.to_owned(),
            account_id,
            identifier,
            return_to,
            connection_id: None,
            proof: None,
            demands: None,
        }
    }

    /// Whether it goes on only with a new password.
    #[must_use]
    pub fn demands_new_password(&self) -> bool {
        self.demands.as_deref() == Some(NEW_PASSWORD)
    }
}
