//! Users who have left: those that the directory no longer has, or has disabled, locked or let expire, are deactivated,
//! which ends their sessions and tokens.
//!
//! A sync reads the state of every entry that the user queries find, and compares it with the linked identities. A user
//! who is missing has left only if the query that found them last can be relied on ([`search_evidence`]). A user with a
//! role is never deactivated by a directory; the administrators are told instead. A user that another directory or a
//! SCIM connection manages only loses the link. Too many of the others at once are left as they are. A user who comes
//! back is activated again, unless an administrator has decided about them in the meantime.

mod emails;
mod linked_people;
mod outcome;
mod search_evidence;
mod store;

use std::collections::HashMap;

use super::entry_state::{EntryState, QueryAnswer, StateBatch};
use super::reader::Reader;
use super::store::delete_change_markers;
use super::worker::{SyncError, SyncWorker};
use crate::idp::ldap::signin::issuer;
use crate::signin::identities;
use linked_people::{Leaver, LinkedPerson, group_by_user};
use search_evidence::SearchEvidence;

/// Up to this many leavers in one run are always deactivated, so that the share does not apply to a handful of users.
const ALWAYS_ALLOWED: usize = 10;
/// The largest share of the linked users, in per cent, that one run deactivates without being told to.
const MAX_SHARE: usize = 25;
/// The number of identities that are updated in one unit of work.
const UPDATED_AT_ONCE: usize = 5000;

/// What the directory says of the people in it.
#[derive(Default)]
struct DirectoryStates {
    entries: HashMap<u128, EntryState>,
    answers: Vec<QueryAnswer>,
}

/// Those who have left, by what becomes of them.
#[derive(Default)]
struct Leavers<'a> {
    /// Users with a role.
    with_role: Vec<Leaver<'a>>,
    /// Users that another directory or a SCIM connection manages.
    managed_elsewhere: Vec<Leaver<'a>>,
    /// All others, who are deactivated.
    others: Vec<Leaver<'a>>,
}

/// Deactivates those who have left, and activates those who have come back.
pub(super) async fn sync_leavers(work: &mut SyncWorker<'_>, reader: Reader) -> Result<Reader, SyncError> {
    let pool = work.pool.clone();
    let connection = &pool.connection;
    let mut c = work.idp.signin.kernel.db.read().await?;
    let people = group_by_user(store::linked_subjects(&mut c, connection, &issuer(connection)).await?);
    let records = store::query_records(&mut c, connection).await?;
    drop(c);
    if people.is_empty() {
        return Ok(reader);
    }
    let (mut states, mut reader) = read_states(work, reader).await?;
    let answers = std::mem::take(&mut states.answers);
    let mut evidence = SearchEvidence::new(&pool.user_searches, answers, records, work.options.allow_empty);
    let mut leavers = Leavers::default();
    for person in &people {
        match person.reason_to_leave(&states.entries) {
            None if person.noted.is_some() => outcome::come_back(work, person).await?,
            Some(reason)
                if person.active && !person.has_ended_links() && !evidence.holds(person, &states.entries) =>
            {
                leavers.add(Leaver { person, reason });
            }
            _ => {}
        }
    }
    evidence.report(&mut work.report);
    apply_limits(work, &people, &mut leavers);
    for leaver in leavers.all() {
        outcome::handle_leaver(work, leaver).await?;
        work.heartbeat().await?;
    }
    if !work.report.preview {
        record_found(work, &people, &states, &evidence).await?;
        store::replace_query_records(work, connection, evidence.records()).await?;
    }
    reader.has_all_users = evidence.has_all_users();
    Ok(reader)
}

impl<'a> Leavers<'a> {
    fn add(&mut self, leaver: Leaver<'a>) {
        let list = match leaver.person {
            LinkedPerson { has_role: true, .. } => &mut self.with_role,
            LinkedPerson { is_managed_elsewhere: true, .. } => &mut self.managed_elsewhere,
            _ => &mut self.others,
        };
        list.push(leaver);
    }

    fn all(&self) -> impl Iterator<Item = &Leaver<'a>> {
        self.with_role.iter().chain(&self.managed_elsewhere).chain(&self.others)
    }
}

/// Drops the leavers if there are too many at once, unless an administrator has allowed that.
fn apply_limits(work: &mut SyncWorker<'_>, people: &[LinkedPerson], leavers: &mut Leavers<'_>) {
    if work.options.allow_empty {
        return;
    }
    let concerned =
        people.iter().filter(|person| person.active && !person.has_role && !person.has_ended_links());
    let (elsewhere, only_here): (Vec<_>, Vec<_>) = concerned.partition(|person| person.is_managed_elsewhere);
    if is_too_many(leavers.others.len(), only_here.len()) {
        work.report.skip_leavers(&format!(
            "{} of {} users are missing or disabled in the directory. Because there are so many, none of them were \
             deactivated.",
            leavers.others.len(),
            only_here.len()
        ));
        leavers.others.clear();
    }
    if is_too_many(leavers.managed_elsewhere.len(), elsewhere.len()) {
        work.report.skip_leavers(&format!(
            "{} of {} users who are also managed by another directory or a SCIM connection are missing or disabled in \
             this directory. Because there are so many, their links to this directory were not ended.",
            leavers.managed_elsewhere.len(),
            elsewhere.len()
        ));
        leavers.managed_elsewhere.clear();
    }
}

fn is_too_many(leaving: usize, all: usize) -> bool {
    leaving > ALWAYS_ALLOWED && leaving * 100 > MAX_SHARE * all
}

async fn read_states(
    work: &mut SyncWorker<'_>,
    reader: Reader,
) -> Result<(DirectoryStates, Reader), SyncError> {
    let mut states = DirectoryStates::default();
    let mut ahead = reader.read_states();
    while let Some(batch) = ahead.next().await {
        match batch {
            StateBatch::Entries(entries) => {
                for entry in entries {
                    states.entries.entry(entry.key).or_insert(entry);
                }
            }
            StateBatch::Answered(answer) => states.answers.push(answer),
        }
        work.heartbeat().await?;
    }
    Ok((states, ahead.end().await?))
}

/// Records which query has found each user. Later, only a defect of that query keeps the user if they are missing. The
/// links of users who are back are valid again, so this run reads all groups for them.
async fn record_found(
    work: &mut SyncWorker<'_>,
    people: &[LinkedPerson],
    states: &DirectoryStates,
    evidence: &SearchEvidence,
) -> Result<(), SyncError> {
    let pool = work.pool.clone();
    let (connection, issuer) = (&pool.connection, issuer(&pool.connection));
    let mut by_query: HashMap<&str, Vec<String>> = HashMap::new();
    let mut is_anyone_back = false;
    for subject in people.iter().flat_map(|person| &person.subjects) {
        let Some(state) = states.entries.get(&subject.key).filter(|state| state.reason.is_none()) else {
            continue;
        };
        let query_key = evidence.key_of(state.query);
        is_anyone_back |= subject.ended;
        if subject.ended || subject.query_key.as_deref() != Some(query_key) {
            by_query.entry(query_key).or_default().push(subject.subject.clone());
        }
    }
    // Before the links are valid, so that a run that fails in between leaves the groups to the next one.
    if is_anyone_back {
        let mut tx = work.idp.signin.kernel.db.begin_relaxed().await?;
        delete_change_markers(&mut tx, &connection.id).await?;
        tx.commit().await?;
    }
    for (query_key, subjects) in by_query {
        for some in subjects.chunks(UPDATED_AT_ONCE) {
            let mut tx = work.idp.signin.kernel.db.begin_relaxed().await?;
            let found = identities::FoundSubjects {
                account_id: &connection.account_id,
                connection_id: &connection.id,
                issuer: &issuer,
                query_key,
            };
            identities::record_found(&mut tx, found, some).await?;
            tx.commit().await?;
            work.heartbeat().await?;
        }
    }
    Ok(())
}
