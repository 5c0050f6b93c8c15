//! Why an administrator's request was not carried out. `web` has the words for each.

use crate::access::{MissingPermission, PrincipalKind};
use crate::directory;
use crate::directory::accounts::UnreadableSettings;
use crate::idp::connections::UnreadableConnection;
use crate::idp::saml::MetadataLoadError;
use crate::kernel::vault;
use crate::provisioning::scim;
use crate::signin::password::PrepareError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account has no such thing.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// A field of the request cannot be used.
    #[error("{field}: {reason}")]
    Invalid {
        /// As the API calls it.
        field: &'static str,
        /// What is wrong with it, as a clause: "must be a time".
        reason: String,
    },
    /// The principal may not do this.
    #[error(transparent)]
    NotAllowed(#[from] MissingPermission),
    /// The person proved too long ago who they are.
    #[error("the session's authentication is too old")]
    NeedsReauthentication,
    /// Others are asked for a second factor by one who has none: the person, or every administrator of the account.
    #[error("a second factor has to be set up first")]
    SecondFactorFirst(PrincipalKind),
    /// Afterwards someone could not sign in who has to be able to.
    #[error("would lock out: {0:?}")]
    WouldLockOut(LockOutRisk),
    /// The user cannot be mailed a link to choose a password.
    #[error("no link is sent: {0:?}")]
    ResetLinkRefused(ResetLinkRefusal),
    /// Mails of an earlier request are still being made.
    #[error("a mailing is under way")]
    MailingUnderWay,
    /// More passwords are being hashed than there is time for. The same again will do in a moment.
    #[error("too many passwords are being hashed")]
    Overloaded,
    /// A change that waited for approval failed.
    #[error(transparent)]
    PendingChange(scim::Error),
    /// What is stored of the connection cannot be read.
    #[error(transparent)]
    UnreadableConnection(#[from] UnreadableConnection),
    /// The directory, or the room of the change, refused or failed.
    #[error(transparent)]
    Directory(#[from] directory::Error),
}

/// Who could not sign in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockOutRisk {
    /// The principal, whose own domain is not among those that may sign in.
    OwnDomain,
    /// All administrators, for the same reason.
    DomainsOfAllAdmins,
    /// All administrators: none has come through an identity provider so far, and the local page closes.
    NoAdminSignsIn,
    /// The last administrator, whose only way in is a passkey.
    LastAdmin,
    /// The owner of the passkey, who has no other way in.
    OwnPasskey,
}

/// Why a user is not mailed a link to choose a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetLinkRefusal {
    /// They have no password here and sign in through the connection of this name.
    SignsInThrough(String),
    /// They are not active, or have no address.
    Unreachable,
    /// They have had several within the hour.
    TooMany,
}

impl Error {
    /// A field of the request that cannot be used.
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
