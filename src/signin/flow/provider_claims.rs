//! Applies the claims of an identity provider to the user at sign-in.

use crate::access;
use crate::audit::Context;
use crate::directory::users::{self, ChangeAuthority, Profile, User};
use crate::directory::{self, groups};
use crate::kernel::Tx;
use crate::signin::{ProfileNames, Proof};

/// Creates the user of `proof` (just-in-time provisioning).
pub(super) async fn create_user(
    tx: &mut Tx,
    context: &Context,
    proof: &Proof,
) -> Result<User, directory::Error> {
    let ProfileNames { given_name, family_name, display_name } = proof.provider_claims.names.clone();
    let profile = Profile {
        user_name: proof.identifier.clone(),
        email: Some(proof.identifier.clone()),
        given_name,
        family_name,
        display_name,
        active: true,
        ..Profile::default()
    };
    users::create(tx, context, ChangeAuthority::Local, profile).await
}

/// Applies the provider's names and groups to `user`. The names of a user that a connection manages do not
/// change.
pub(super) async fn apply(
    tx: &mut Tx,
    context: &Context,
    user: User,
    proof: &Proof,
) -> Result<User, directory::Error> {
    let (Some(connection_id), provided) = (&proof.connection_id, &proof.provider_claims) else {
        return Ok(user);
    };
    let user = if changes_profile(&user, proof) {
        let wanted = with_names(&user, &provided.names);
        access::update_user(tx, context, ChangeAuthority::Local, &user, wanted).await?
    } else {
        user
    };
    if let Some(names) = &provided.groups {
        groups::sync_linked_groups(tx, context, &user, connection_id, names).await?;
    }
    Ok(user)
}

/// Whether the proof changes the names of `user`.
pub(super) fn changes_profile(user: &User, proof: &Proof) -> bool {
    let is_ours = proof.provider_claims.update_names && user.connection_id.is_none();
    is_ours && with_names(user, &proof.provider_claims.names) != user.profile()
}

/// The user's profile with these names. A display name that was derived from the other names is derived
/// again.
fn with_names(user: &User, names: &ProfileNames) -> Profile {
    let before = user.profile();
    let made = Profile { display_name: None, ..before.clone() }.effective_display_name() == user.display_name;
    let kept = if made { None } else { before.display_name.clone() };
    Profile {
        given_name: names.given_name.clone().or_else(|| before.given_name.clone()),
        family_name: names.family_name.clone().or_else(|| before.family_name.clone()),
        display_name: names.display_name.clone().or(kept),
        ..before
    }
    .with_effective_display_name()
}
