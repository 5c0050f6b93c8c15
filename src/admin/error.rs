//! Why an operation of an administrator was refused. `web` renders each error.

use crate::access::{MissingPermission, PrincipalKind};
use crate::directory;
use crate::directory::accounts::UnreadableSettings;
use crate::idp::connections::UnreadableConnection;
use crate::idp::saml::MetadataLoadError;
use crate::kernel::vault;
use crate::provisioning::scim;
use crate::signin::password::PrepareError;
use crate::signin::policy::ApprovalRefusal;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account has no such resource.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// A field of the request is invalid.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field's name in the API.
        field: &'static str,
        /// What is wrong with it, as a clause: "must be a time".
        reason: String,
    },
    /// The principal may not do this.
    #[error(transparent)]
    NotAllowed(#[from] MissingPermission),
    /// The user's last authentication is too long ago.
    #[error("the session's authentication is too old")]
    NeedsReauthentication,
    /// The principal requires a second factor of others without having one: the user, or, for a service
    /// account, every administrator of the account.
    #[error("two-factor authentication has to be set up first")]
    SecondFactorFirst(PrincipalKind),
    /// The change would prevent a user from signing in.
    #[error("the change would lock out users: {0:?}")]
    WouldLockOut(LockOutRisk),
    /// A link to choose a password cannot be mailed to the user.
    #[error("the password reset link was not sent: {0:?}")]
    ResetLinkRefused(ResetLinkRefusal),
    /// A pending identity cannot be approved any more.
    #[error("the pending identity was not approved: {0:?}")]
    ApprovalRefused(ApprovalRefusal),
    /// An earlier mailing has not finished.
    #[error("emails are already being sent")]
    MailingUnderWay,
    /// More passwords are being hashed than the server can handle. A retry in a moment may succeed.
    #[error("too many passwords are being hashed")]
    Overloaded,
    /// A pending change failed when it was approved.
    #[error(transparent)]
    PendingChange(scim::Error),
    /// The stored connection cannot be read.
    #[error(transparent)]
    UnreadableConnection(#[from] UnreadableConnection),
    /// The directory, or another module that carries out the change, refused or failed.
    #[error(transparent)]
    Directory(#[from] directory::Error),
}

/// The users who could not sign in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockOutRisk {
    /// The principal, because the domain of their address would not be allowed.
    OwnDomain,
    /// All administrators, for the same reason.
    DomainsOfAllAdmins,
    /// All administrators: none has a usable password or has signed in through an identity provider, and
    /// local sign-in would be disabled.
    NoAdminSignsIn,
    /// The last administrator, whose only sign-in method is a passkey.
    LastAdmin,
    /// The owner of a passkey who has no other sign-in method.
    OwnPasskey,
}

/// Why a link to choose a password is not mailed to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetLinkRefusal {
    /// The user has no password and signs in through the connection with this name.
    SignsInThrough(String),
    /// The account does not allow the user to sign in with a password.
    PasswordNotAllowed,
    /// The user is not active or has no address.
    Unreachable,
    /// The user received several links within the last hour.
    TooMany,
}

impl Error {
    /// An invalid field of the request.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Directory(error.into())
    }
}

impl From<UnreadableSettings> for Error {
    fn from(error: UnreadableSettings) -> Self {
        Self::Directory(error.into())
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Self::Directory(error.into())
    }
}

impl From<MetadataLoadError> for Error {
    fn from(error: MetadataLoadError) -> Self {
        match error {
            MetadataLoadError::Metadata(_) | MetadataLoadError::Fetch(_) => {
                Self::invalid("metadata", error.to_string())
            }
            MetadataLoadError::Keys(error) => error.into(),
        }
    }
}

impl From<PrepareError> for Error {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Overloaded(_) => Self::Overloaded,
            PrepareError::Policy(error) => Self::Directory(error),
            PrepareError::Database(error) => error.into(),
        }
    }
}
