//! Users who have left: those that the directory no longer has, or has disabled, locked or let expire, are deactivated,
//! which ends their sessions and tokens.
//!
//! A sync reads the state of every entry that the user queries find, and compares it with the linked identities. An
//! error, an empty answer, or too many leavers at once deactivate no users. A user with a role is never deactivated by a
//! directory; the administrators are told instead. A user who comes back is activated again, unless an administrator has
//! decided about them in the meantime.

mod emails;
mod store;

use std::collections::HashMap;

use serde_json::json;

use super::entry_state::LeaverReason;
use super::member_index::name_key;
use super::model::DirectoryLeaver;
use super::reader::Reader;
use super::worker::{SyncError, SyncWorker};
use crate::access;
use crate::audit::{self, Action, Event};
use crate::directory::accounts;
use crate::directory::users::{self, User};
use crate::idp::ldap::signin::issuer;
use crate::kernel::{Tx, UserId};
use crate::signin::notifications;
use store::{LeaverRow, LinkedSubject};

/// Up to this many leavers in one run are always deactivated, so that the share does not apply to a handful of users.
const ALWAYS_ALLOWED: usize = 10;
/// The largest share of the linked users, in per cent, that one run deactivates without being told to.
const MAX_SHARE: usize = 25;

/// What the directory says of the people in it, by [`name_key`] of their stable id: why they may not come in, or nothing.
type DirectoryStates = HashMap<u128, Option<LeaverReason>>;

/// Deactivates those who have left, and activates those who have come back.
pub(super) async fn sync_leavers(work: &mut SyncWorker<'_>, reader: Reader) -> Result<Reader, SyncError> {
    let pool = work.pool.clone();
    let connection = &pool.connection;
    let mut c = work.idp.signin.kernel.db.read().await?;
    let linked = store::linked_subjects(&mut c, connection, &issuer(connection)).await?;
    let noted = store::noted(&mut c, connection).await?;
    drop(c);
    if linked.is_empty() {
        return Ok(reader);
    }
    let (states, reader) = read_states(work, reader).await?;
    if states.is_empty() {
        work.report.leavers_skipped =
            Some("The directory returned no users, so no users were deactivated.".to_owned());
        return Ok(reader);
    }
    let people = group_by_user(linked);
    let active = people.iter().filter(|person| person.active).count();
    let mut leavers = Vec::new();
    for person in &people {
        let reason = person.reason_to_leave(&states);
        let row = noted.get(&person.user_id);
        match (reason, row) {
            (Some(reason), _) if person.active => leavers.push((person, reason)),
            (None, Some(row)) => come_back(work, &person.user_id, row).await?,
            _ => {}
        }
    }
    if is_too_many(leavers.len(), active) && !work.options.allow_empty {
        work.report.leavers_skipped = Some(format!(
            "{} of {active} users are missing or disabled in the directory. Because there are so many, none of them \
             were deactivated.",
            leavers.len()
        ));
        return Ok(reader);
    }
    for (person, reason) in leavers {
        deactivate_leaver(work, &person.user_id, reason).await?;
        work.heartbeat().await?;
    }
    Ok(reader)
}

fn is_too_many(leaving: usize, active: usize) -> bool {
    leaving > ALWAYS_ALLOWED && leaving * 100 > MAX_SHARE * active
}

async fn read_states(
    work: &mut SyncWorker<'_>,
    reader: Reader,
) -> Result<(DirectoryStates, Reader), SyncError> {
    let mut states = DirectoryStates::new();
    let mut ahead = reader.read_states();
    while let Some(batch) = ahead.next().await {
        states.extend(batch);
        work.heartbeat().await?;
    }
    Ok((states, ahead.end().await?))
}

/// A user with all the subjects of the directory that are linked to them.
struct LinkedPerson {
    user_id: UserId,
    active: bool,
    subject_keys: Vec<u128>,
}

impl LinkedPerson {
    /// Why the user leaves; `None` as long as one of their entries is there and open.
    fn reason_to_leave(&self, states: &DirectoryStates) -> Option<LeaverReason> {
        let mut closed = None;
        for key in &self.subject_keys {
            match states.get(key) {
                Some(None) => return None,
                Some(Some(reason)) => closed = Some(*reason),
                None => {}
            }
        }
        Some(closed.unwrap_or(LeaverReason::Missing))
    }
}

/// The rows come in the order of users.
fn group_by_user(rows: Vec<LinkedSubject>) -> Vec<LinkedPerson> {
    let mut people: Vec<LinkedPerson> = Vec::new();
    for row in rows {
        let key = name_key(&row.subject);
        match people.last_mut() {
            Some(last) if last.user_id == row.user_id => last.subject_keys.push(key),
            _ => people.push(LinkedPerson {
                active: row.active != 0,
                user_id: row.user_id,
                subject_keys: vec![key],
            }),
        }
    }
    people
}

/// Deactivates one user in a transaction of its own, or tells the administrators if the user has a role.
async fn deactivate_leaver(
    work: &mut SyncWorker<'_>,
    user_id: &UserId,
    reason: LeaverReason,
) -> Result<(), SyncError> {
    let mut tx = work.idp.signin.kernel.db.begin().await?;
    accounts::lock(&mut tx, &work.context.account_id).await?;
    let user = users::by_id(&mut tx, &work.context.account_id, user_id).await?;
    let Some(user) = user.filter(User::is_active) else { return Ok(()) };
    let has_role = !access::roles_of(&mut tx, &user.id).await?.is_empty();
    if has_role {
        hold(work, &mut tx, &user, reason).await?;
    } else {
        let user = access::set_user_active(&mut tx, &work.context, &user, false).await?;
        let event = Event::new(Action::UserLeftDirectory, "user", &user.id, &user.user_name);
        let connection_id = &work.pool.connection.id;
        let detail = json!({"connection": connection_id, "reason": reason.as_str()});
        audit::record(&mut tx, &work.context, event.detail(detail)).await?;
        store::record_leaver(&mut tx, &work.pool.connection, &user, reason, false).await?;
    }
    if !work.report.preview {
        tx.commit().await?;
    }
    work.report.add_leaver(DirectoryLeaver {
        user_id: user.id,
        name: user.user_name,
        reason: reason.label().to_owned(),
        held: has_role,
    });
    Ok(())
}

/// Tells the administrators, once, that a user with a role has left.
async fn hold(
    work: &SyncWorker<'_>,
    tx: &mut Tx,
    user: &User,
    reason: LeaverReason,
) -> Result<(), SyncError> {
    let connection = &work.pool.connection;
    if !store::record_leaver(tx, connection, user, reason, true).await? {
        return Ok(());
    }
    let event = Event::new(Action::UserChangeHeld, "user", &user.id, &user.user_name);
    let detail = json!({"connection": connection.id, "reason": reason.as_str()});
    audit::record(tx, &work.context, event.detail(detail)).await?;
    let kernel = &work.idp.signin.kernel;
    if let Some(account) = accounts::by_id(tx, &user.account_id).await? {
        let email = emails::held_leaver(kernel, &account.name, &connection.name, user, reason);
        notifications::notify_admins(kernel, tx, &account, &email).await?;
    }
    Ok(())
}

/// Activates a user again that a sync has deactivated, if no administrator has decided about them since.
async fn come_back(work: &mut SyncWorker<'_>, user_id: &UserId, row: &LeaverRow) -> Result<(), SyncError> {
    let mut tx = work.idp.signin.kernel.db.begin().await?;
    accounts::lock(&mut tx, &work.context.account_id).await?;
    store::forget(&mut tx, &work.context.account_id, user_id).await?;
    let user = users::by_id(&mut tx, &work.context.account_id, user_id).await?;
    if let Some(user) = user.filter(|user| row.held == 0 && !user.is_active() && user.epoch == row.user_epoch)
    {
        access::set_user_active(&mut tx, &work.context, &user, true).await?;
        work.report.reactivated += 1;
    }
    if !work.report.preview {
        tx.commit().await?;
    }
    Ok(())
}
