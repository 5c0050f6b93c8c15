//! One attempt to sign in: where it happens, what it can come to, and why it can be refused.

use crate::directory;
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, vault};
use crate::signin::flow::{BrowserBinding, Flow, NextStep};
use crate::signin::{SignIn, Throttled, factors, password};

/// A request that takes a flow further, in the browser that the flow is bound to.
///
/// The steps of the flow are its methods; each stands in the file of its step in `signin/flow`.
#[derive(Clone, Copy)]
pub struct SignInAttempt<'a> {
    /// The services of signing in.
    pub signin: &'a SignIn,
    /// From where the request comes.
    pub request: &'a RequestContext,
    /// The flow it takes further.
    pub flow: &'a Flow,
    /// The browser it comes from.
    pub browser: BrowserBinding<'a>,
}

/// What a step of a sign-in led to.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session.
    Complete(CompletedSignIn),
    /// Something is missing: the flow goes on, under this id, once it is there.
    StepRequired(NextStep, String),
}

/// A sign-in that ended in a session.
#[derive(Debug, Default)]
pub struct CompletedSignIn {
    /// The session's secret, for the cookie.
    pub session_secret: String,
    /// The local path that was asked for.
    pub return_to: String,
    /// When the user's password expires, if that is soon.
    pub password_expires_at: Option<Timestamp>,
    /// The secret by which this browser is remembered from now on, for its cookie.
    pub device_secret: Option<String>,
    /// Recovery codes that are left, if one of them was used.
    pub codes_left: Option<i64>,
}

/// Why an attempt does not end in a session. The text of a refusal is its reason in the audit trail.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Password and user do not belong together, or there is no such user.
    #[error("wrong_password")]
    WrongPassword,
    /// Too many wrong attempts before this one, which was not checked.
    #[error("user_locked")]
    Locked,
    /// An identity provider vouches for a person who is not known here.
    #[error("unknown_user")]
    UnknownUser,
    /// The user was deactivated by an administrator or by provisioning.
    #[error("user_inactive")]
    Inactive,
    /// The provider does not vouch for the address, and its subject is not linked to a user.
    #[error("address_not_verified")]
    AddressNotVerified,
    /// The user with this address is linked to another subject of the same provider.
    #[error("address_of_another")]
    AddressLinkedToOtherSubject,
    /// The password is right at the directory, which restricts the account at present.
    #[error("{}", .0.as_str())]
    AccountRestricted(DirectoryAccountState),
    /// The directory has no address of the person.
    #[error("no_address")]
    NoAddress,
    /// The LDAP directory does not answer.
    #[error("directory_unreachable")]
    DirectoryUnreachable,
    /// The domain of the address is not on the account's list.
    #[error("domain_not_allowed")]
    DomainNotAllowed,
    /// The local page is for administrators.
    #[error("not_an_administrator")]
    NotAdministrator,
    /// The account has closed the local page.
    #[error("local_login_off")]
    LocalLoginOff,
    /// The flow ended: finished by another request, expired, or never there.
    #[error("flow_ended")]
    FlowEnded,
    /// The queue for password hashing is full.
    #[error("busy")]
    Overloaded,
    /// Too many wrong passwords from this address.
    #[error("throttled")]
    Throttled(Throttled),
    /// The second factor was not accepted.
    #[error("{0}")]
    SecondFactor(#[from] factors::FactorError),
    /// The account does not accept a passkey as the whole sign-in.
    #[error("passkeys_off")]
    PasskeysOff,
    /// The database failed.
    #[error(transparent)]
    Database(sqlx::Error),
    /// A stored secret could not be opened.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// The user could not be created or changed, or a mail about the sign-in could not be made.
    #[error(transparent)]
    Directory(directory::Error),
}

impl SignInError {
    /// Whether this is a decision about the person, which belongs into the audit trail. Otherwise something failed,
    /// and nothing of the attempt must remain.
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

/// Why a directory accepts a password and still signs its owner in nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryAccountState {
    /// The account is disabled.
    Disabled,
    /// The account has ended.
    Expired,
    /// The password has ended.
    PasswordExpired,
    /// The password has to be replaced first.
    MustChangePassword,
    /// Not at this hour, or not from this computer.
    LogonRestricted,
}

impl DirectoryAccountState {
    /// The reason in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "directory_disabled",
            Self::Expired => "directory_expired",
            Self::PasswordExpired => "directory_password_expired",
            Self::MustChangePassword => "directory_must_change_password",
            Self::LogonRestricted => "directory_not_now",
        }
    }

    /// What the person is told, who has proved that they know the password.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Disabled => "Your account in your company's directory is disabled. Ask your administrator.",
            Self::Expired => "Your account in your company's directory has ended. Ask your administrator.",
            Self::PasswordExpired => {
                "Your password has ended. Replace it where you usually do, at your computer or your company's portal, and \
                 come back."
            }
            Self::MustChangePassword => {
                "Your password has to be replaced first. Do that where you usually do, at your computer or your company's \
                 portal, and come back."
            }
            Self::LogonRestricted => {
                "Your company's directory does not let you in at this hour or from here."
            }
        }
    }
}
