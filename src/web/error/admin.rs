//! The texts of refusals that administrators get.

use axum::http::StatusCode;

use super::Error;
use crate::access::{MissingPermission, PrincipalKind};
use crate::admin::{self, LockOutRisk, ResetLinkRefusal};
use crate::kernel::http::Refusal;
use crate::signin::password::PrepareError;
use crate::web::login;

impl From<admin::Error> for Error {
    fn from(error: admin::Error) -> Self {
        use admin::Error as E;
        match error {
            E::NotFound(what) => Self::not_found(what),
            E::Invalid { field, reason } => Self::invalid(field, &reason),
            E::NotAllowed(missing) => missing.into(),
            E::NeedsReauthentication => Self::Refused(Refusal::new(
                StatusCode::FORBIDDEN,
                "Confirm that it is you",
                "You signed in a while ago. Open /profile/confirm, prove who you are, and try again.",
            )),
            E::SecondFactorFirst(kind) => conflict("Second factor first", second_factor_first(kind)),
            E::WouldLockOut(risk) => conflict("Not possible", lock_out(risk)),
            E::ResetLinkRefused(refusal) => conflict("Not possible", reset_link(refusal)),
            E::MailingUnderWay => {
                conflict("Under way", "Mails are on their way already. Wait until they are out.")
            }
            E::Overloaded => login::overloaded().into(),
            E::PendingChange(error) => {
                tracing::error!(%error, "changes that waited could not be let through");
                Self::Refused(Refusal::new(error.status, "Not possible", error.detail))
            }
            E::UnreadableConnection(unreadable) => unreadable.into(),
            E::Directory(error) => error.into(),
        }
    }
}

impl admin::Error {
    /// The text for showing a form again, or the error itself when the user cannot correct it.
    pub(crate) fn for_form(self) -> Result<String, Error> {
        Error::from(self).for_form()
    }
}

impl From<PrepareError> for Error {
    fn from(error: PrepareError) -> Self {
        admin::Error::from(error).into()
    }
}

impl From<MissingPermission> for Error {
    fn from(missing: MissingPermission) -> Self {
        Self::Refused(missing.into())
    }
}

fn conflict(title: &'static str, detail: impl Into<String>) -> Error {
    Error::Refused(Refusal::new(StatusCode::CONFLICT, title, detail))
}

fn second_factor_first(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => {
            "Set up a second factor of your own before you ask others for one, at /profile/two-factor. So you know \
             what they will see, and are not locked out yourself."
        }
        PrincipalKind::ServiceAccount => {
            "No administrator of this account has a second factor. One of them has to set one up before everybody \
             is asked for it."
        }
    }
}

fn lock_out(risk: LockOutRisk) -> &'static str {
    match risk {
        LockOutRisk::OwnDomain => "This list does not contain your own domain: you would lock yourself out.",
        LockOutRisk::DomainsOfAllAdmins => {
            "This list does not contain the domain of any active administrator: all would be locked out."
        }
        LockOutRisk::NoAdminSignsIn => {
            "Without the local page no administrator could sign in: none has come through single sign-on so far, and \
             their passwords only work there. Sign in once through your identity provider, or test its connection as \
             yourself, then close the local page."
        }
        LockOutRisk::LastAdmin => {
            "This is the last administrator, and a passkey is their only way in. Mail them a link to choose a password \
             first, or make somebody else an administrator."
        }
        LockOutRisk::OwnPasskey => {
            "This passkey is your only way in. Add another, or have a link to choose a password mailed to you, first."
        }
    }
}

fn reset_link(refusal: ResetLinkRefusal) -> String {
    match refusal {
        ResetLinkRefusal::SignsInThrough(name) => {
            format!("This user has no password here and signs in through {name}.")
        }
        ResetLinkRefusal::Unreachable => "Only active users with an address can be sent a link.".into(),
        ResetLinkRefusal::TooMany => {
            "This user has had several links within the hour. Wait, or ask them to look into their mail."
                .into()
        }
    }
}
