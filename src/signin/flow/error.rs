//! Why somebody does not get in.

use crate::directory;
use crate::kernel::text_enum::text_enum;
use crate::signin::{Throttled, factors, password};

/// Why somebody with or without a proof does not get in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Password and user do not belong together, or there is no such user.
    #[error("wrong_password")]
    WrongPassword,
    /// Too many wrong ones before: this one was not looked at.
    #[error("user_locked")]
    Locked,
    /// Vouched for, but not known here.
    #[error("unknown_user")]
    UnknownUser,
    /// Known here and locked out by an administrator or the provisioning.
    #[error("user_inactive")]
    Inactive,
    /// The provider does not vouch for the address, and knows the person under no other name.
    #[error("address_not_verified")]
    AddressNotVerified,
    /// The address belongs to somebody who is another person at the provider.
    #[error("address_of_another")]
    AddressLinkedToOtherSubject,
    /// The password is right at the directory, and it lets its owner in nowhere at present.
    #[error("{}", .0.as_str())]
    AccountRestricted(DirectoryAccountState),
    /// The directory has no address of the person.
    #[error("no_address")]
    NoAddress,
    /// The directory does not answer.
    #[error("directory_unreachable")]
    DirectoryUnreachable,
    /// The account's list of domains does not have the address's.
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
    /// Too many wrong ones from this address.
    #[error("throttled")]
    Throttled(Throttled),
    /// The second factor was not accepted.
    #[error("{0}")]
    SecondFactor(#[from] factors::FactorError),
    /// The account does not let a passkey open the door alone.
    #[error("passkeys_off")]
    PasskeysOff,
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] directory::Error),
}

text_enum! {
    /// Why a directory lets nobody in with a password that is right.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DirectoryAccountState {
        /// The account is disabled.
        Disabled = "directory_disabled",
        /// The account has ended.
        Expired = "directory_expired",
        /// The password has ended.
        PasswordExpired = "directory_password_expired",
        /// The password has to be replaced first.
        MustChangePassword = "directory_must_change_password",
        /// Not at this hour, or not from this computer.
        LogonRestricted = "directory_not_now",
    }
}

impl DirectoryAccountState {
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

impl From<sqlx::Error> for SignInError {
    fn from(error: sqlx::Error) -> Self {
        Self::Directory(error.into())
    }
}

impl From<password::Overloaded> for SignInError {
    fn from(_: password::Overloaded) -> Self {
        Self::Overloaded
    }
}
