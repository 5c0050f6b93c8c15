//! Decides whether the account admits the user of a proof.

use super::authority::{AddressClaim, LinkConfirmation, has_address_authority, link_confirmation};
use super::sign_in_methods;
use crate::access::{self, Role};
use crate::directory::domain_of;
use crate::directory::users::User;
use crate::kernel::{ConnectionId, Tx};
use crate::signin::lookup::{SignInRecord, SubjectMatch};
use crate::signin::{Method, Proof, SignInError};

/// The user that the account admits.
pub(crate) enum Admission<'a> {
    /// An active user.
    Active(&'a User),
    /// An active user. The identity is linked to them once they, or an administrator, confirm it.
    Unconfirmed(&'a User, LinkConfirmation),
    /// An invited user, who becomes active with this sign-in.
    Invited(&'a User),
    /// A new user, who is created with this sign-in.
    FirstSignIn,
}

/// Applies the account's rules to a proof about the user of `record`. Writes nothing.
pub(crate) async fn authorize_sign_in<'a>(
    tx: &mut Tx,
    proof: &Proof,
    record: &'a SignInRecord,
) -> Result<Admission<'a>, SignInError> {
    match record.subject_match {
        SubjectMatch::NewWithUnverifiedAddress => return Err(SignInError::AddressNotVerified),
        SubjectMatch::AddressOfOtherSubject => return Err(SignInError::AddressLinkedToOtherSubject),
        SubjectMatch::NotAsked | SubjectMatch::Linked | SubjectMatch::NewWithVerifiedAddress => {}
    }
    let SignInRecord { user, settings, .. } = record;
    let now = tx.now();
    let named_by = proof.connection_id.as_ref();
    let unlinked_at = named_by.filter(|_| record.subject_match == SubjectMatch::NewWithVerifiedAddress);
    if let Some(connection_id) = unlinked_at {
        check_authority(tx, proof, connection_id, user.as_ref()).await?;
    }
    let address = user.as_ref().and_then(|user| user.email.as_deref()).unwrap_or(&proof.identifier);
    // This check comes first, so that the other rules do not reveal whether the user is active.
    if user.as_ref().is_some_and(|user| !user.is_active() && !accepts_invitation(user, proof)) {
        return Err(SignInError::Inactive);
    }
    if !settings.allows_domain(&domain_of(address).unwrap_or_default()) {
        return Err(SignInError::DomainNotAllowed);
    }
    let admission = match user {
        // An administrator has named the address of an invited user.
        Some(user) if user.is_pending() => Admission::Invited(user),
        Some(user) => match unlinked_at {
            Some(connection_id) => match link_confirmation(tx, record, user, connection_id, now).await? {
                LinkConfirmation::NotNeeded => Admission::Active(user),
                confirmation => Admission::Unconfirmed(user, confirmation),
            },
            None => Admission::Active(user),
        },
        None if proof.provider_claims.jit_provisioning => Admission::FirstSignIn,
        None => return Err(SignInError::UnknownUser),
    };
    let allowed = sign_in_methods::allowed_methods(tx, settings, user.as_ref(), address).await?;
    if !sign_in_methods::permits(&allowed, proof) {
        return Err(SignInError::MethodNotAllowed);
    }
    if proof.method == Method::Local {
        if !settings.local_login {
            return Err(SignInError::LocalLoginOff);
        }
        let is_admin = match user {
            Some(user) => access::roles_of(tx, &user.id).await?.contains(&Role::AccountAdmin),
            None => false,
        };
        if !is_admin {
            return Err(SignInError::NotAdministrator);
        }
    }
    Ok(admission)
}

/// Refuses what a connection says about an address that is not its to speak about.
async fn check_authority(
    tx: &mut Tx,
    proof: &Proof,
    connection_id: &ConnectionId,
    user: Option<&User>,
) -> Result<(), SignInError> {
    let now = tx.now();
    let claim =
        AddressClaim { account_id: &proof.account_id, connection_id, email: &proof.identifier, user, now };
    if has_address_authority(tx, claim).await? {
        return Ok(());
    }
    Err(SignInError::NotInConnectionDomains(domain_of(&proof.identifier).unwrap_or_default()))
}

/// Whether an invited user signs in for the first time: their identity provider asserts the invited
/// address.
fn accepts_invitation(user: &User, proof: &Proof) -> bool {
    user.is_pending() && proof.connection_id.is_some()
}
