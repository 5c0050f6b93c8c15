//! A sign-in attempt: the request that advances a flow, its possible outcomes and the reasons for refusal.

use crate::directory;
use crate::kernel::http::RequestContext;
use crate::kernel::text_enum::text_enum;
use crate::kernel::{Timestamp, vault};
use crate::signin::flow::{BrowserBinding, Flow, NextStep};
use crate::signin::{SignIn, Throttled, factors, password};

/// A request that advances a sign-in flow, in the browser that the flow is bound to.
///
/// Each step of the flow is a method, which is defined in the module of that step in `signin::flow`.
#[derive(Clone, Copy)]
pub struct SignInAttempt<'a> {
    /// The sign-in services.
    pub signin: &'a SignIn,
    /// The request's id, client address and user agent.
    pub request: &'a RequestContext,
    /// The flow that it advances.
    pub flow: &'a Flow,
    /// The browser that sent the request.
    pub browser: BrowserBinding<'a>,
}

/// The outcome of a step.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session was created.
    Complete(CompletedSignIn),
    /// Another step is required before a session can begin.
    StepRequired(RequiredStep),
}

/// A step that a flow waits for.
#[derive(Debug)]
pub struct RequiredStep {
    /// The step.
    pub step: NextStep,
    /// The id under which the flow continues.
    pub flow_id: String,
    /// The content of the cookie with the secret that the browser must present to continue. The secret is new
    /// with each proof, so that one from before the proof cannot continue the flow.
    pub cookie: String,
}

/// A sign-in that produced a session.
#[derive(Debug, Default)]
pub struct CompletedSignIn {
    /// The session's secret, for its cookie.
    pub session_secret: String,
    /// The local path to redirect to.
    pub return_to: String,
    /// When the user's password expires, if that is soon enough for a warning.
    pub password_expires_at: Option<Timestamp>,
    /// The new secret for the device cookie, if this browser is remembered from now on.
    pub device_secret: Option<String>,
    /// The number of recovery codes left, if one was used.
    pub codes_left: Option<i64>,
}

/// Why an attempt did not produce a session. The `Display` text of a refusal is its reason in the audit
/// trail.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The password is wrong, or there is no such user.
    #[error("wrong_password")]
    WrongPassword,
    /// There were too many failed attempts before this one, which was not checked.
    #[error("user_locked")]
    Locked,
    /// The identity provider asserts a user who does not exist here, and the connection does not create
    /// users.
    #[error("unknown_user")]
    UnknownUser,
    /// The user is not active: deactivated by an administrator or by provisioning, or invited without
    /// having accepted the invitation.
    #[error("user_inactive")]
    Inactive,
    /// The subject is not linked to a user, and its address does not count as verified.
    #[error("address_not_verified")]
    AddressNotVerified,
    /// The user with this address is linked to another subject of the same issuer.
    #[error("address_of_another")]
    AddressLinkedToOtherSubject,
    /// The connection may not speak for this domain, and the user is not linked to it.
    #[error("not_in_connection_domains")]
    NotInConnectionDomains(String),
    /// An administrator must approve the link of the identity, because the user has a role and nothing to
    /// confirm it with.
    #[error("link_needs_approval")]
    LinkNeedsApproval,
    /// The user has to confirm the link of the identity, which is not asked of a browser in which no sign-in was begun.
    /// The audit trail does not tell this from the case above: an administrator can approve both.
    #[error("link_needs_approval")]
    LinkNotRequested,
    /// The connection was disabled after it had made its statement.
    #[error("connection_disabled")]
    ConnectionDisabled,
    /// The directory accepted the password but currently restricts the account.
    #[error("{}", .0.as_str())]
    AccountRestricted(DirectoryAccountState),
    /// The directory entry has no email address.
    #[error("no_address")]
    NoAddress,
    /// The LDAP directory does not respond.
    #[error("directory_unreachable")]
    DirectoryUnreachable,
    /// The account does not allow the domain of the address.
    #[error("domain_not_allowed")]
    DomainNotAllowed,
    /// The account does not allow the user to sign in with this method.
    #[error("method_not_allowed")]
    MethodNotAllowed,
    /// The local sign-in page accepts administrators only.
    #[error("not_an_administrator")]
    NotAdministrator,
    /// The account has disabled local sign-in.
    #[error("local_login_off")]
    LocalLoginOff,
    /// The flow has ended: another request completed it, it expired, or it never existed.
    #[error("flow_ended")]
    FlowEnded,
    /// The queue for password hashing is full.
    #[error("busy")]
    Overloaded,
    /// There were too many password attempts from this address.
    #[error("throttled")]
    Throttled(Throttled),
    /// The second factor was not accepted.
    #[error("{0}")]
    SecondFactor(#[from] factors::FactorError),
    /// The account does not accept a passkey as the whole sign-in.
    #[error("passkeys_off")]
    PasskeysOff,
    /// The database failed.
    #[error("{0}")]
    Database(#[source] sqlx::Error),
    /// A stored secret could not be opened.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The user could not be created or changed, or an email about the sign-in could not be composed.
    #[error(transparent)]
    Directory(directory::Error),
}

impl SignInError {
    /// Whether this is a decision about the user, which is committed and recorded in the audit trail. Any
    /// other error is a failure, and the attempt must leave no trace in the database.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Database(_) | Self::Vault(_) | Self::Directory(_))
    }
}

impl From<sqlx::Error> for SignInError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<directory::Error> for SignInError {
    fn from(error: directory::Error) -> Self {
        match error {
            directory::Error::Database(error) => Self::Database(error),
            other => Self::Directory(other),
        }
    }
}

impl From<factors::FactorCheckError> for SignInError {
    fn from(error: factors::FactorCheckError) -> Self {
        match error {
            factors::FactorCheckError::Rejected(error) => Self::SecondFactor(error),
            factors::FactorCheckError::Database(error) => Self::Database(error),
            factors::FactorCheckError::Vault(error) => Self::Vault(error),
        }
    }
}

impl From<password::Overloaded> for SignInError {
    fn from(_: password::Overloaded) -> Self {
        Self::Overloaded
    }
}

text_enum! {
    /// Why a directory accepts a password and refuses the sign-in all the same.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DirectoryAccountState {
        /// The account is disabled.
        Disabled = "directory_disabled",
        /// The account has expired.
        Expired = "directory_expired",
        /// The password has expired.
        PasswordExpired = "directory_password_expired",
        /// The password must be changed before the next sign-in.
        MustChangePassword = "directory_must_change_password",
        /// Sign-in is not allowed at this time or from this workstation.
        LogonRestricted = "directory_not_now",
    }
}

impl DirectoryAccountState {
    /// The message for the user, who has proved that they know the password.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Disabled => {
                "Your account in your organization's directory is disabled. Ask your administrator to enable \
                 it."
            }
            Self::Expired => {
                "Your account in your organization's directory has expired. Ask your administrator to extend \
                 it."
            }
            Self::PasswordExpired => {
                "Your directory password has expired. Change it on your computer or in your \
                 organization's portal, and then sign in again."
            }
            Self::MustChangePassword => {
                "You must change your directory password before you can sign in. Change it on your computer \
                 or in your organization's portal, and then sign in again."
            }
            Self::LogonRestricted => {
                "Your organization's directory does not allow you to sign in at this time or from this \
                 location. Ask your administrator."
            }
        }
    }
}
