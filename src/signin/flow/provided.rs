//! What an identity provider says about a person, taken over when they come.

use super::super::{Names, Proof};
use crate::audit::Context;
use crate::directory::users::{self, Authority, Profile, User};
use crate::directory::{self, groups};
use crate::kernel::Tx;

/// Creates the person of `proof`, who was not here before.
pub(super) async fn create(tx: &mut Tx, context: &Context, proof: &Proof) -> Result<User, directory::Error> {
    let Names { given_name, family_name, display_name } = proof.provided.names.clone();
    let profile = Profile {
        user_name: proof.subject.clone(),
        email: Some(proof.subject.clone()),
        given_name,
        family_name,
        display_name,
        active: true,
        ..Profile::default()
    };
    users::create(tx, context, Authority::Local, profile).await
}

/// Gives `user` the names and the groups that the provider says. Names of those whom a directory manages are the
/// directory's.
pub(super) async fn take_over(
    tx: &mut Tx,
    context: &Context,
    user: User,
    proof: &Proof,
) -> Result<User, directory::Error> {
    let (Some(connection_id), provided) = (&proof.connection_id, &proof.provided) else { return Ok(user) };
    let user = if changes(&user, proof) {
        let wanted = named(&user, &provided.names);
        users::update(tx, context, Authority::Local, &user, wanted).await?
    } else {
        user
    };
    if let Some(names) = &provided.groups {
        groups::follow(tx, context, &user, (connection_id, names)).await?;
    }
    Ok(user)
}

/// Whether the proof has other names for `user`.
pub(super) fn changes(user: &User, proof: &Proof) -> bool {
    let is_ours = proof.provided.update_names && user.connection_id.is_none();
    is_ours && named(user, &proof.provided.names) != user.profile()
}

/// The profile with these names. A name shown that was made from the others is made from them again.
fn named(user: &User, names: &Names) -> Profile {
    let before = user.profile();
    let made = Profile { display_name: None, ..before.clone() }.shown_name() == user.display_name;
    let kept = if made { None } else { before.display_name.clone() };
    Profile {
        given_name: names.given_name.clone().or_else(|| before.given_name.clone()),
        family_name: names.family_name.clone().or_else(|| before.family_name.clone()),
        display_name: names.display_name.clone().or(kept),
        ..before
    }
    .with_shown_name()
}
