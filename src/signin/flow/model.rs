//! A sign-in under way.

use crate::kernel::TextEnum as _;
use crate::kernel::text_enum::text_enum;
use crate::signin::Proof;

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
    /// The epoch of its user when it began to wait for more.
    pub(super) user_epoch: Option<i64>,
}

text_enum! {
    /// What a proved flow waits for, in the order in which it is asked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum NextStep {
        /// The second factor that its person has.
        SecondFactor = "second_factor",
        /// A new password, as the old one has ended.
        NewPassword = "new_password",
        /// A second factor to be set up, as the account asks for one.
        Enrolment = "enrolment",
    }
}

impl Flow {
    /// The proof that was delivered, if one was.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        if self.demands.is_some() && self.pending_step().is_none() {
            // A newer version asks for a step that this one does not have, and cannot leave out.
            return None;
        }
        serde_json::from_str(self.proof.as_deref()?).ok()
    }

    pub(super) fn from_sealed(
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
            user_epoch: None,
        }
    }

    /// A flow that nobody began: somebody comes with a link and is proved already.
    pub(super) fn transient(account_id: Option<String>, identifier: String, return_to: String) -> Self {
        Self::from_sealed(super::sealed_flow::SEALED_PREFIX, account_id, identifier, return_to)
    }

    /// What it waits for.
    #[must_use]
    pub fn pending_step(&self) -> Option<NextStep> {
        NextStep::parse(self.demands.as_deref()?)
    }
}
