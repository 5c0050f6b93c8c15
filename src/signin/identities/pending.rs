//! Identities that wait for a confirmation: a provider has stated them for a user with a role, a password or a
//! second factor. The user confirms with what they have here, or an administrator approves.

use std::time::Duration;

use serde_json::json;

use super::link::link;
use super::pending_store::{self, PendingIdentity};
use crate::audit::{self, Action, Context, Event};
use crate::directory::Error;
use crate::directory::users::User;
use crate::kernel::Tx;
use crate::signin::proof::Proof;

/// How long a pending identity can be approved.
const APPROVAL_PERIOD: Duration = Duration::from_hours(7 * 24);

/// Records that the provider of `proof` states its subject for `user`. One event is written for each subject,
/// however often it is stated.
pub(crate) async fn request_link(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    proof: &Proof,
) -> Result<(), Error> {
    let (Some(connection_id), Some(subject)) = (&proof.connection_id, &proof.external_subject) else {
        return Ok(());
    };
    let expires_at = tx.now().plus(APPROVAL_PERIOD);
    let name = &proof.identifier;
    if !pending_store::insert_pending(tx, user, connection_id, subject, name, expires_at).await? {
        return Ok(());
    }
    let event = Event::new(Action::UserLinkRequest, "user", &user.id, &user.user_name);
    let detail =
        json!({"connection": connection_id, "issuer": subject.issuer, "subject": subject.id, "name": name});
    Ok(audit::record(tx, context, event.detail(detail)).await?)
}

/// Links a pending identity, because an administrator says that it is the user's.
pub async fn approve(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    pending: &PendingIdentity,
) -> Result<(), Error> {
    link(tx, context, user, &pending.connection_id, &pending.external_subject(), &pending.name).await
}

/// Deletes a pending identity. If the provider states it again, it waits again.
pub async fn discard(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    pending: &PendingIdentity,
) -> Result<(), Error> {
    let PendingIdentity { connection_id, issuer, subject, name, .. } = pending;
    if !pending_store::remove_pending(tx, user, connection_id, &pending.external_subject()).await? {
        return Err(Error::NotFound("pending identity"));
    }
    let event = Event::new(Action::UserLinkDiscard, "user", &user.id, &user.user_name);
    let detail = json!({"connection": connection_id, "issuer": issuer, "subject": subject, "name": name});
    Ok(audit::record(tx, context, event.detail(detail)).await?)
}
