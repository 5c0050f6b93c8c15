//! Lets the address of a linked user follow their identity provider.

use super::model::AdmittedUser;
use super::outcome_record::audit_context_of;
use crate::access;
use crate::directory::users::{self, ChangeAuthority, Profile, User};
use crate::directory::{Email, domain_of, fold_case};
use crate::kernel::Tx;
use crate::signin::policy::{self, AddressClaim};
use crate::signin::{Proof, SignInAttempt, SignInError, identities, notifications};

impl SignInAttempt<'_> {
    /// Gives the user of a completed sign-in the address that their provider states now, and returns them with it.
    /// `None` if the address stays. It is the last step: until then, the user has not shown their second factor.
    pub(super) async fn follow_address(
        &self,
        tx: &mut Tx,
        admitted: &AdmittedUser,
        proof: &Proof,
    ) -> Result<Option<User>, SignInError> {
        let user = &admitted.user;
        if !states_another_address(user, proof) || !may_follow(tx, admitted, proof).await? {
            return Ok(None);
        }
        // A user name that is the address follows as well, so that the old address is free for another user.
        let name_follows = user.email.as_deref().map(fold_case) == Some(fold_case(&user.user_name));
        let user_name = if name_follows { &proof.identifier } else { &user.user_name };
        let wanted =
            Profile { user_name: user_name.clone(), email: Some(proof.identifier.clone()), ..user.profile() };
        let context = audit_context_of(user, self.request);
        let changed = access::update_user(tx, &context, ChangeAuthority::Local, user, wanted).await?;
        notifications::address_changed(&self.signin.kernel, tx, user, &changed).await?;
        Ok(Some(changed))
    }
}

/// Whether the provider states a verified address for a lasting subject, by which the user is not known here.
pub(super) fn states_another_address(user: &User, proof: &Proof) -> bool {
    let is_address = Email::parse(&proof.identifier).is_ok_and(|email| !email.is_guest_name());
    let is_verified = proof
        .external_subject
        .as_ref()
        .is_some_and(|subject| subject.address_is_verified && !subject.is_address);
    is_verified && is_address && user.email.is_some() && !user.has_identifier(&proof.identifier)
}

/// Whether the provider decides about the user's address: both addresses are in the domains of the connection, which
/// is the only one that the user is linked to, and the user may still sign in with it. An administrator decides about
/// the address of a user with a role, and a provisioning client about those of the users that it manages.
async fn may_follow(tx: &mut Tx, admitted: &AdmittedUser, proof: &Proof) -> Result<bool, SignInError> {
    let user = &admitted.user;
    let (Some(connection_id), Some(old)) = (&proof.connection_id, &user.email) else { return Ok(false) };
    let settings = &admitted.settings;
    if user.connection_id.is_some()
        || !settings.allows_domain(&domain_of(&proof.identifier).unwrap_or_default())
        || !access::roles_of(tx, &user.id).await?.is_empty()
    {
        return Ok(false);
    }
    let linked = identities::of_user(tx, &user.id).await?;
    let is_the_only_one = matches!(linked.as_slice(), [only] if only.connection_id == *connection_id);
    let allowed = policy::allowed_methods(tx, settings, Some(user), &proof.identifier).await?;
    if !is_the_only_one || !allowed.permits_connection(connection_id) {
        return Ok(false);
    }
    let now = tx.now();
    for email in [old, &proof.identifier] {
        let claim = AddressClaim { account_id: &user.account_id, connection_id, email, user: None, now };
        if !policy::has_address_authority(tx, claim).await? {
            return Ok(false);
        }
    }
    let owner = users::find_by_email_or_user_name(tx, &user.account_id, &proof.identifier).await?;
    Ok(owner.is_none())
}
