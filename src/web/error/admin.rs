//! The texts of refusals that administrators get.

use axum::http::StatusCode;

use super::Error;
use crate::access::{MissingPermission, PrincipalKind};
use crate::admin::{self, LockOutRisk, ResetLinkRefusal};
use crate::kernel::http::Refusal;
use crate::signin::password::PrepareError;
use crate::signin::policy::ApprovalRefusal;
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
                "Confirm your identity",
                "You signed in a while ago. Confirm your identity at /profile/confirm, and then try again.",
            )),
            E::SecondFactorFirst(kind) => {
                conflict("Set up two-factor authentication first", second_factor_first(kind))
            }
            E::WouldLockOut(risk) => conflict("Not allowed", lock_out(risk)),
            E::ResetLinkRefused(refusal) => conflict("Not allowed", reset_link(refusal)),
            E::ApprovalRefused(refusal) => conflict("Not approved", approval(refusal)),
            E::MailingUnderWay => conflict(
                "Already in progress",
                "Emails are already being sent. Wait until all of them have been sent.",
            ),
            E::Overloaded => login::overloaded().into(),
            E::PendingChange(error) => {
                if error.status.is_server_error() {
                    tracing::error!(%error, "pending changes could not be approved");
                }
                Self::Refused(Refusal::new(error.status, "Changes not applied", error.detail))
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
            "Set up two-factor authentication for yourself at /profile/two-factor before you require it for \
             others. You then know what users see, and you are not locked out yourself."
        }
        PrincipalKind::ServiceAccount => {
            "No administrator of this account has set up two-factor authentication. At least one \
             administrator must set it up before the account can require it."
        }
    }
}

fn lock_out(risk: LockOutRisk) -> &'static str {
    match risk {
        LockOutRisk::OwnDomain => {
            "The allowed email domains do not include your own domain. You would lock yourself out."
        }
        LockOutRisk::DomainsOfAllAdmins => {
            "The allowed email domains do not include the domain of any active administrator. All \
             administrators would be locked out."
        }
        LockOutRisk::NoAdminSignsIn => {
            "If you turn off the administrator sign-in page, no administrator can sign in: no administrator \
             has signed in with single sign-on so far, and their passwords work only on that page. Sign in \
             once through your identity provider, or test its connection as yourself, and then turn off the \
             page."
        }
        LockOutRisk::LastAdmin => {
            "This user is the last administrator, and a passkey is their only sign-in method. First email \
             them a password reset link, or give another user the role Account Admin."
        }
        LockOutRisk::OwnPasskey => {
            "This passkey is your only sign-in method. First add another passkey, or request a password \
             reset link and set a password."
        }
    }
}

fn approval(refusal: ApprovalRefusal) -> String {
    match refusal {
        ApprovalRefusal::ConnectionDisabled => {
            "The connection of this identity is disabled. Enable it first, or discard the identity.".into()
        }
        ApprovalRefusal::AddressChanged(address) => format!(
            "The identity provider stated the email address {address}, which this user no longer has. \
             Discard the identity. If it belongs to the user, ask them to sign in with it again."
        ),
        ApprovalRefusal::NotInConnectionDomains(domain) => format!(
            "The connection of this identity is no longer selected for the email domain {domain}. Select it for \
             the domain first, or discard the identity."
        ),
        ApprovalRefusal::LinkedToOtherUser => {
            "This identity has been linked to another user in the meantime. Discard it.".into()
        }
        ApprovalRefusal::LinkedToOtherSubject => {
            "This user has been linked to another identity of this identity provider in the meantime. If that one is \
             wrong, unlink it first. Otherwise, discard this one."
                .into()
        }
    }
}

fn reset_link(refusal: ResetLinkRefusal) -> String {
    match refusal {
        ResetLinkRefusal::SignsInThrough(name) => {
            format!(
                "This user signs in through {name} and has no password in this account. Change the password \
                 at the identity provider."
            )
        }
        ResetLinkRefusal::PasswordNotAllowed => {
            "The sign-in methods in the authentication settings do not allow this user to sign in with a \
             password."
                .into()
        }
        ResetLinkRefusal::Unreachable => {
            "A link can be sent only to an active user with an email address. Activate the user or add an \
             email address first."
                .into()
        }
        ResetLinkRefusal::TooMany => {
            "Several links have been sent to this user within the last hour. Wait, or ask the user to check \
             their email."
                .into()
        }
    }
}
