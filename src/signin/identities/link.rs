//! Links identities to users and unlinks them.

use std::time::Duration;

use serde_json::json;

use super::pending_store;
use super::store::{self, Identity, LinkedSubject};
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::{self, User};
use crate::directory::{Error, fold_case};
use crate::kernel::database::DbConn;
use crate::kernel::{ConnectionId, Tx};
use crate::signin::proof::{ExternalSubject, Proof};

/// The precision of `last_used_at`, so that not every sign-in writes it.
const TOUCH_EVERY: Duration = Duration::from_mins(15);

const LINKED_TO_ANOTHER_USER: Error = Error::Forbidden("This identity is already linked to another user.");

const LINKED_TO_ANOTHER_SUBJECT: Error =
    Error::Forbidden("This user is already linked to another identity of this identity provider.");

/// Links the subject of `proof` to `user`, or records its use if it is linked already.
pub(crate) async fn link_or_record_use(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    proof: &Proof,
) -> Result<(), Error> {
    let (Some(connection_id), Some(subject)) = (&proof.connection_id, &proof.external_subject) else {
        return Ok(());
    };
    let known = store::of_subject(tx, connection_id, subject).await?;
    // The link of an address to who had it before gives way.
    if let Some(known) = known.filter(|known| known.user_id == user.id || !subject.is_address) {
        // It was linked to another user since the lookup.
        if known.user_id != user.id {
            return Err(LINKED_TO_ANOTHER_USER);
        }
        if known.name != proof.identifier || known.last_used_at.plus(TOUCH_EVERY) <= tx.now() {
            store::record_use(tx, &known.id, &proof.identifier).await?;
        }
        return Ok(());
    }
    // Another subject of the issuer was linked to the user since the lookup, or is in another request.
    users::lock(tx, &user.account_id, &user.id).await?;
    if is_of_another_person(tx, user, connection_id, subject, &proof.identifier).await? {
        return Err(LINKED_TO_ANOTHER_SUBJECT);
    }
    link(tx, context, user, connection_id, subject, &proof.identifier).await
}

/// Whether `subject` is of another person than `user`, as it does not replace what the user is linked to at this issuer.
/// `identifier` is the address that the provider states with it, which the user has.
pub(crate) async fn is_of_another_person(
    c: &mut DbConn,
    user: &User,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
    identifier: &str,
) -> Result<bool, sqlx::Error> {
    let linked = store::other_subjects(c, &user.id, connection_id, subject).await?;
    let gives_way = |old: &LinkedSubject| {
        old.is_address() && (!subject.is_address || is_same_address(old, user, subject, identifier))
    };
    Ok(!linked.iter().all(gives_way))
}

/// Whether two subjects that are addresses are the same one: in another format, or under the address that the user has
/// now, while the provider gave the old subject with the address that the user had before. An address that the user
/// still has, be it as the user name, was not changed: the two can be the mailboxes of two people.
fn is_same_address(old: &LinkedSubject, user: &User, new: &ExternalSubject, identifier: &str) -> bool {
    let (old_value, new_value) = (without_format(&old.subject), without_format(&new.id));
    let (before, now) = (fold_case(&old.name), fold_case(identifier));
    let is_renamed = now == fold_case(user.email_or_user_name())
        && !user.has_identifier(&before)
        && new_value.contains(&now)
        && new_value.replace(&now, &before) == old_value;
    old_value == new_value || is_renamed
}

/// The subject without the format in front of it, in which a provider states it.
fn without_format(subject: &str) -> &str {
    subject.split_once(':').map_or(subject, |(_, value)| value)
}

/// Links a subject at a connection to `user`. Has no effect when it is linked to that user already.
pub async fn link(
    tx: &mut Tx,
    context: &Context,
    user: &User,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
    name: &str,
) -> Result<(), Error> {
    pending_store::remove_pending(tx, user, connection_id, subject).await?;
    store::remove_replaced(tx, user, connection_id, subject).await?;
    if !store::insert(tx, user, connection_id, subject, name).await? {
        let owner = store::of_subject(tx, connection_id, subject).await?;
        if owner.is_some_and(|owner| owner.user_id == user.id) {
            return Ok(());
        }
        return Err(LINKED_TO_ANOTHER_USER);
    }
    let event = Event::new(Action::UserLink, "user", &user.id, &user.user_name);
    let detail =
        json!({"connection": connection_id, "issuer": subject.issuer, "subject": subject.id, "name": name});
    Ok(audit::record(tx, context, event.detail(detail)).await?)
}

/// Removes an identity from its user. At the subject's next sign-in the address decides again.
pub async fn unlink(tx: &mut Tx, context: &Context, user: &User, identity: &Identity) -> Result<(), Error> {
    if !store::remove(tx, &identity.id).await? {
        return Err(Error::NotFound("identity"));
    }
    let event = Event::new(Action::UserUnlink, "user", &user.id, &user.user_name);
    let Identity { connection_id, issuer, subject, name, .. } = identity;
    let detail = json!({"connection": connection_id, "issuer": issuer, "subject": subject, "name": name});
    Ok(audit::record(tx, context, event.detail(detail)).await?)
}
