//! Decides whether the account admits the user of a proof.

use crate::access::{self, Role};
use crate::directory::domain_of;
use crate::directory::users::User;
use crate::kernel::database::DbConn;
use crate::signin::lookup::{SignInRecord, SubjectMatch};
use crate::signin::{Method, Proof, SignInError};

/// The user that the account admits.
pub(crate) enum Admission<'a> {
    /// An active user.
    Active(&'a User),
    /// An invited user, who becomes active with this sign-in.
    Invited(&'a User),
    /// A new user, who is created with this sign-in.
    FirstSignIn,
}

/// Applies the account's rules to a proof about the user of `record`. Writes nothing.
pub(crate) async fn authorize_sign_in<'a>(
    c: &mut DbConn,
    proof: &Proof,
    record: &'a SignInRecord,
) -> Result<Admission<'a>, SignInError> {
    match record.subject_match {
        SubjectMatch::NewWithUnverifiedAddress => return Err(SignInError::AddressNotVerified),
        SubjectMatch::AddressOfOtherSubject => return Err(SignInError::AddressLinkedToOtherSubject),
        SubjectMatch::NotAsked | SubjectMatch::Linked | SubjectMatch::NewWithVerifiedAddress => {}
    }
    let SignInRecord { user, settings, .. } = record;
    let address = user.as_ref().and_then(|user| user.email.as_deref()).unwrap_or(&proof.identifier);
    // This check comes first, so that the other rules do not reveal whether the user is active.
    if user.as_ref().is_some_and(|user| !user.is_active() && !accepts_invitation(user, proof)) {
        return Err(SignInError::Inactive);
    }
    if !settings.allows_domain(&domain_of(address).unwrap_or_default()) {
        return Err(SignInError::DomainNotAllowed);
    }
    let admission = match user {
        Some(user) if user.is_pending() => Admission::Invited(user),
        Some(user) => Admission::Active(user),
        None if proof.provider_claims.jit_provisioning => Admission::FirstSignIn,
        None => return Err(SignInError::UnknownUser),
    };
    if proof.method == Method::Local {
        if !settings.local_login {
            return Err(SignInError::LocalLoginOff);
        }
        let is_admin = match user {
            Some(user) => access::roles_of(c, &user.id).await?.contains(&Role::AccountAdmin),
            None => false,
        };
        if !is_admin {
            return Err(SignInError::NotAdministrator);
        }
    }
    Ok(admission)
}

/// Whether an invited user signs in for the first time: their identity provider asserts the invited
/// address.
fn accepts_invitation(user: &User, proof: &Proof) -> bool {
    user.is_pending() && proof.connection_id.is_some()
}
