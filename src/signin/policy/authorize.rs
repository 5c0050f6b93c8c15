//! Decides whether the account admits the user of a proof.

use super::authority::{AddressClaim, LinkConfirmation, has_address_authority, link_confirmation};
use super::sign_in_methods;
use crate::access::{self, Role};
use crate::directory::domain_of;
use crate::directory::users::User;
use crate::kernel::{ConnectionId, Tx};
use crate::signin::lookup::{SignInRecord, SubjectMatch};
use crate::signin::{Method, Proof, SignInError, identities};

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
    check_connection(tx, proof).await?;
    let SignInRecord { user, settings, .. } = record;
    let now = tx.now();
    let named_by = proof.connection_id.as_ref();
    let unlinked_at = named_by.filter(|_| record.subject_match == SubjectMatch::NewWithVerifiedAddress);
    if let Some(connection_id) = unlinked_at {
        check_first_link(tx, proof, connection_id, user.as_ref()).await?;
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
    check_method(tx, proof, record, address).await?;
    Ok(admission)
}

/// Applies the rules again to a proof whose user was admitted and had another step to do: an administrator can have
/// changed them since. `links` tells that the identity of the proof is still to be linked. The sign-in ends if the user
/// has lost what led to them: the linked identity, or the identifier that the provider stated.
pub(crate) async fn reauthorize(
    tx: &mut Tx,
    proof: &Proof,
    record: &SignInRecord,
    user: &User,
    links: bool,
) -> Result<(), SignInError> {
    check_connection(tx, proof).await?;
    if let Some(connection_id) = &proof.connection_id {
        if !is_still_of_user(tx, proof, connection_id, user, links).await? {
            return Err(SignInError::FlowEnded);
        }
        if links {
            check_first_link(tx, proof, connection_id, Some(user)).await?;
        }
    }
    let address = user.email.as_deref().unwrap_or(&proof.identifier);
    if !record.settings.allows_domain(&domain_of(address).unwrap_or_default()) {
        return Err(SignInError::DomainNotAllowed);
    }
    check_method(tx, proof, record, address).await
}

/// Whether what the provider said about the user still leads to them.
async fn is_still_of_user(
    tx: &mut Tx,
    proof: &Proof,
    connection_id: &ConnectionId,
    user: &User,
    links: bool,
) -> Result<bool, sqlx::Error> {
    if links {
        return Ok(user.has_identifier(&proof.identifier));
    }
    // Without a subject there is no link that could have been removed.
    let Some(subject) = &proof.external_subject else { return Ok(true) };
    let linked = identities::of_subject(tx, connection_id, subject).await?;
    Ok(linked.is_some_and(|linked| linked.user_id == user.id))
}

/// Refuses what a connection has said that has been disabled since.
async fn check_connection(tx: &mut Tx, proof: &Proof) -> Result<(), SignInError> {
    if let Some(connection_id) = &proof.connection_id
        && !identities::is_connection_enabled(tx, &proof.account_id, connection_id).await?
    {
        return Err(SignInError::ConnectionDisabled);
    }
    Ok(())
}

/// Refuses a method that the account does not allow for the user of `record`, or for a new user with this address.
async fn check_method(
    tx: &mut Tx,
    proof: &Proof,
    record: &SignInRecord,
    address: &str,
) -> Result<(), SignInError> {
    let SignInRecord { user, settings, .. } = record;
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
    Ok(())
}

/// Refuses what a connection says about an address that is not its to speak about, or that another person had before.
async fn check_first_link(
    tx: &mut Tx,
    proof: &Proof,
    connection_id: &ConnectionId,
    user: Option<&User>,
) -> Result<(), SignInError> {
    if let (Some(user), Some(subject)) = (user, &proof.external_subject)
        && identities::is_of_another_person(tx, user, connection_id, subject, &proof.identifier).await?
    {
        return Err(SignInError::AddressLinkedToOtherSubject);
    }
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
