//! A sign-in under way.

use std::time::Duration;

use crate::directory::accounts::AuthenticationSettings;
use crate::directory::users::User;
use crate::kernel::TextEnum as _;
use crate::kernel::text_enum::text_enum;
use crate::signin::Proof;
use crate::signin::password::PasswordStatus;

/// How long a person has for a sign-in, including a coffee at the identity provider's page.
pub(super) const LIFETIME: Duration = Duration::from_mins(15);

/// Distinguishes the id of a sealed flow from the id of a row.
pub(super) const SEALED_PREFIX: &str = "t.";

/// What is known at the start.
#[derive(Debug, Clone, Copy)]
pub struct FlowStart<'a> {
    /// The account, when it is known.
    pub account_id: Option<&'a str>,
    /// What was typed as address or user name; may be empty.
    pub identifier: &'a str,
    /// A local path, already checked.
    pub return_to: &'a str,
    /// The secret in the browser's cookie.
    pub browser: &'a str,
}

/// A flow, as its browser or the callback may see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Flow {
    /// The id of its row, or the sealed flow itself; worth nothing without the browser's cookie.
    pub id: String,
    /// The account, when it is known.
    pub account_id: Option<String>,
    /// What was typed as address or user name; empty when the sign-in began at an identity provider.
    pub identifier: String,
    /// The local path to land on.
    pub return_to: String,
    /// The connection they were sent to.
    pub connection_id: Option<String>,
    pub(super) proof: Option<String>,
    #[sqlx(rename = "demands")]
    pending_step: Option<String>,
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
        if self.pending_step.is_some() && self.pending_step().is_none() {
            // A newer version asks for a step that this one does not have, and cannot leave out.
            return None;
        }
        serde_json::from_str(self.proof.as_deref()?).ok()
    }

    /// A flow without a row, which stands in its id.
    pub(super) fn from_sealed(sealed: String, begin: FlowStart<'_>) -> Self {
        Self {
            id: sealed,
            account_id: begin.account_id.map(str::to_owned),
            identifier: begin.identifier.to_owned(),
            return_to: begin.return_to.to_owned(),
            connection_id: None,
            proof: None,
            pending_step: None,
            user_epoch: None,
        }
    }

    /// A flow that did not begin at the sign-in page: `user` comes with a proof, as with a link or a passkey. It
    /// gets a row only if something is still missing.
    #[must_use]
    pub fn transient(user: &User, return_to: &str) -> Self {
        let begin = FlowStart {
            account_id: Some(&user.account_id),
            identifier: &user.user_name,
            return_to,
            browser: "",
        };
        Self::from_sealed(SEALED_PREFIX.to_owned(), begin)
    }

    /// Whether its content is carried by the browser instead of a row.
    pub(super) fn is_sealed(&self) -> bool {
        is_sealed(&self.id)
    }

    /// What it waits for.
    #[must_use]
    pub fn pending_step(&self) -> Option<NextStep> {
        NextStep::parse(self.pending_step.as_deref()?)
    }
}

/// Whether this is the id of a sealed flow, which has no row.
pub(super) fn is_sealed(flow_id: &str) -> bool {
    flow_id.starts_with(SEALED_PREFIX)
}

/// A user whom the account's rules let in. Steps may still be missing: this is no session.
pub(super) struct AdmittedUser {
    pub(super) user: User,
    pub(super) settings: AuthenticationSettings,
    /// Whether the user has a second factor. When that changes meanwhile, no session begins without one.
    pub(super) is_enrolled: bool,
    pub(super) password_status: PasswordStatus,
    /// The hash that the password must still have when the session begins, if it was checked just now.
    pub(super) expected_hash: Option<String>,
}
