//! The data of a sign-in flow.

use std::time::Duration;

use crate::directory::accounts::AuthenticationSettings;
use crate::directory::users::User;
use crate::kernel::TextEnum as _;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{AccountId, ConnectionId, tokens};
use crate::signin::Proof;
use crate::signin::lookup::SignInRecord;
use crate::signin::password::PasswordStatus;

/// How long the user has to prove who they are, including the time at the identity provider's page, and
/// then again for each step that the flow waits for.
pub(super) const LIFETIME: Duration = Duration::from_mins(15);

/// Distinguishes the id of a sealed flow from the id of a row.
pub(super) const SEALED_PREFIX: &str = "t.";

/// What is known when a flow begins.
#[derive(Debug, Clone, Copy)]
pub struct FlowStart<'a> {
    /// The account, if it is known.
    pub account_id: Option<&'a AccountId>,
    /// The address or user name that the user typed; may be empty.
    pub identifier: &'a str,
    /// The local path to redirect to after sign-in, already validated.
    pub return_to: &'a str,
    /// The secret of the browser's flow cookie.
    pub browser: &'a str,
}

/// A sign-in flow, as loaded for the browser that may continue it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Flow {
    /// The id of its row, or the sealed flow itself. It is useless without the browser's cookie.
    pub id: String,
    /// The account, if it is known.
    pub account_id: Option<AccountId>,
    /// The address or user name that the user typed; empty when the identity provider began the sign-in.
    pub identifier: String,
    /// The local path to redirect to after sign-in.
    pub return_to: String,
    /// The connection whose provider the browser was sent to.
    pub connection_id: Option<ConnectionId>,
    pub(super) proof: Option<String>,
    #[sqlx(rename = "demands")]
    pending_step: Option<String>,
    /// The user's epoch when the flow began to wait for a step.
    pub(super) user_epoch: Option<i64>,
    /// The hash of the cookie that it is bound to; `None` while it is bound to none, because the identity provider
    /// began the sign-in.
    #[sqlx(rename = "browser")]
    browser_hash: Option<String>,
}

text_enum! {
    /// What a flow with a proof waits for, in the order in which the steps are required.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum NextStep {
        /// The user must confirm with their second factor that a new identity is theirs.
        LinkBySecondFactor = "link_second_factor",
        /// The user must confirm with their password that a new identity is theirs.
        LinkByPassword = "link_password",
        /// The user's second factor must be verified.
        SecondFactor = "second_factor",
        /// The expired password must be replaced.
        NewPassword = "new_password",
        /// A second factor must be enrolled, because the account requires one.
        Enrolment = "enrolment",
    }
}

impl NextStep {
    /// Whether the identity of the proof is linked with this step.
    #[must_use]
    pub const fn confirms_link(self) -> bool {
        matches!(self, Self::LinkBySecondFactor | Self::LinkByPassword)
    }
}

impl Flow {
    /// The proof that was delivered, if there is one.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        if self.pending_step.is_some() && self.pending_step().is_none() {
            // A newer version requires a step that this version does not know and must not skip.
            return None;
        }
        serde_json::from_str(self.proof.as_deref()?).ok()
    }

    /// A flow without a row, whose id carries the content.
    pub(super) fn from_sealed(sealed: String, begin: FlowStart<'_>) -> Self {
        Self {
            id: sealed,
            account_id: begin.account_id.cloned(),
            identifier: begin.identifier.to_owned(),
            return_to: begin.return_to.to_owned(),
            connection_id: None,
            proof: None,
            pending_step: None,
            user_epoch: None,
            browser_hash: Some(tokens::hash(begin.browser)),
        }
    }

    /// A flow that did not begin at the sign-in page, because `user` already has a proof such as a link or
    /// a passkey. It gets a row only if another step is required.
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

    /// Whether the identity provider began the sign-in. Anyone can then have sent the response to the browser, also
    /// one about another person than its user.
    pub(super) fn is_idp_initiated(&self) -> bool {
        self.browser_hash.is_none()
    }

    /// Whether the identity of the proof is linked with the step that the flow waits for.
    pub(super) fn confirms_link(&self) -> bool {
        self.pending_step().is_some_and(NextStep::confirms_link)
    }

    /// Whether the browser carries the flow's content instead of a row.
    pub(super) fn is_sealed(&self) -> bool {
        is_sealed(&self.id)
    }

    /// The step that the flow waits for.
    #[must_use]
    pub fn pending_step(&self) -> Option<NextStep> {
        NextStep::parse(self.pending_step.as_deref()?)
    }
}

/// Whether this is the id of a sealed flow, which has no row.
pub(super) fn is_sealed(flow_id: &str) -> bool {
    flow_id.starts_with(SEALED_PREFIX)
}

/// A request to an identity provider.
#[derive(Debug, Clone, Copy)]
pub struct ProviderRequest<'a> {
    /// The connection to the provider.
    pub connection_id: &'a ConnectionId,
    /// The id, which the response names.
    pub id: &'a str,
    /// What it demands of the authentication, in the form of the protocol; `None` if the request itself
    /// comes back with the response.
    pub asked: Option<&'a str>,
}

/// A request whose response a flow waits for.
#[derive(Debug, sqlx::FromRow)]
pub struct PendingRequest {
    /// See [`ProviderRequest::asked`].
    pub asked: Option<String>,
}

/// A user who passed the account's rules. Steps may still be missing, so this is not a session.
pub(super) struct AdmittedUser {
    pub(super) user: User,
    pub(super) settings: AuthenticationSettings,
    /// Whether the user has a second factor. If they enrol one before the session is created, no session is
    /// created without it.
    pub(super) is_enrolled: bool,
    pub(super) password_status: PasswordStatus,
    /// The hash that the stored password must still have when the session is created, if the password was
    /// checked in this request.
    pub(super) expected_hash: Option<String>,
    /// The step that confirms the first link of an identity, if that is still to be done.
    pub(super) link_step: Option<NextStep>,
}

impl AdmittedUser {
    /// A user with what was loaded about them.
    pub(super) fn new(user: User, record: &SignInRecord) -> Self {
        Self {
            user,
            settings: record.settings.clone(),
            is_enrolled: record.is_enrolled,
            password_status: PasswordStatus::Valid,
            expected_hash: None,
            link_step: None,
        }
    }
}
