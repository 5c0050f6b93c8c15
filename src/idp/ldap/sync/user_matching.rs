//! Who the people of a directory are here. Kept as hashes and ids, 32 bytes for each name of a person, so that a hundred
//! thousand are a few megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::json;
use uuid::Uuid;

use super::reader::Reader;
use super::run::{SyncError, SyncWorker};
use crate::directory::users::{self, Profile};
use crate::directory::{Error, fold_case};
use crate::idp::connections::{Jit, UserQuery};
use crate::idp::ldap::search::LdapEntry;
use crate::idp::ldap::signin::issuer;
use crate::idp::ldap::user_search::LdapUser;
use crate::kernel::Tx;
use crate::kernel::database::{DbConn, analyze_tables};
use crate::signin::{ProfileNames, identities};

/// Somebody who may be a member of a group.
pub(super) struct SyncCandidate {
    /// The hashes of the names that lists of members have for them: their DN, their `uid`.
    name_keys: Vec<u128>,
    subject: Option<String>,
    email: String,
    names: ProfileNames,
    /// Whether the connection makes a user of them.
    jit_allowed: bool,
}

impl SyncCandidate {
    pub(super) fn from_entry(entry: LdapEntry, query: &Arc<UserQuery>, jit: &Jit) -> Option<Self> {
        let person = LdapUser { entry, query: query.clone() };
        let email = person.email()?.to_owned();
        let names = person.names();
        let subject = person.entry.stable_id();
        let called = [Some(person.entry.dn.as_str()), person.entry.first("uid")];
        let name_keys = called.into_iter().flatten().map(name_key).collect();
        let jit_allowed = jit.allows(|key| person.entry.all(key).to_vec());
        Some(Self { name_keys, subject, email, names, jit_allowed })
    }
}

/// The people of a directory who are somebody here, by their DN and by their `uid`.
#[derive(Default)]
pub(super) struct MemberIndex(HashMap<u128, Uuid>);

impl MemberIndex {
    /// The user who has this DN, or this name in a list of names.
    pub(super) fn user_id_of(&self, member: &str) -> Option<Uuid> {
        self.0.get(&name_key(member)).copied()
    }

    fn add_all(&mut self, all: &[(&SyncCandidate, String)]) {
        for (found, user_id) in all {
            self.add(found, user_id);
        }
    }

    fn add(&mut self, found: &SyncCandidate, user_id: &str) {
        let Ok(id) = user_id.parse() else { return };
        self.0.extend(found.name_keys.iter().map(|key| (*key, id)));
    }
}

/// DNs are compared without case, and without the spaces that some servers write after commas.
pub(super) fn name_key(dn: &str) -> u128 {
    let folded = dn.to_lowercase().replace(", ", ",");
    let hash = digest::digest(&digest::SHA256, folded.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_ref()[..16]);
    u128::from_be_bytes(first)
}

/// Reads all people of the user queries.
pub(super) async fn match_users(
    work: &mut SyncWorker<'_>,
    reader: Reader,
) -> Result<(MemberIndex, Reader), SyncError> {
    let mut people = MemberIndex::default();
    let mut ahead = reader.read_users();
    while let Some(batch) = ahead.next().await {
        work.report.people += batch.len() as u64;
        match_batch(work, &mut people, &batch).await?;
        work.heartbeat().await?;
    }
    Ok((people, ahead.end().await?))
}

/// Finds the users whom these people are: by their id in the directory, else by their address. Makes those who are
/// nobody here, where the connection does that.
async fn match_batch(
    work: &mut SyncWorker<'_>,
    people: &mut MemberIndex,
    batch: &[SyncCandidate],
) -> Result<(), SyncError> {
    let db = &work.idp.signin.kernel.db;
    let pool = work.pool.clone();
    let connection = &pool.connection;
    let subjects: Vec<String> = batch.iter().filter_map(|found| found.subject.clone()).collect();
    let mut c = db.read().await?;
    let known = identities::of_subjects(&mut c, &connection.id, &issuer(connection), &subjects).await?;
    let mut strangers = Vec::new();
    for found in batch {
        match found.subject.as_ref().and_then(|subject| known.get(subject)) {
            Some(user_id) => people.add(found, user_id),
            None => strangers.push(found),
        }
    }
    let makes = |found: &&SyncCandidate| found.jit_allowed && !work.report.preview;
    let (admitted, mut others): (Vec<_>, Vec<_>) = strangers.into_iter().partition(makes);
    if admitted.is_empty() {
        let (matched, unknown) = match_by_email(&mut c, &connection.account_id, others).await?;
        drop(c);
        work.report.unknown += unknown;
        if !matched.is_empty() && !work.report.preview {
            let mut tx = db.begin_relaxed().await?;
            link_identities(&mut tx, work, &matched).await?;
            tx.commit().await?;
        }
        people.add_all(&matched);
        return Ok(());
    }
    drop(c);
    let mut tx = db.begin_relaxed().await?;
    let (mut all, refused) = create_users(&mut tx, work, admitted).await?;
    let created = all.len() as u64;
    others.extend(refused);
    let (matched, unknown) = match_by_email(&mut tx, &connection.account_id, others).await?;
    all.extend(matched);
    link_identities(&mut tx, work, &all).await?;
    tx.commit().await?;
    work.report.created += created;
    work.report.unknown += unknown;
    people.add_all(&all);
    Ok(())
}

/// Those who have the address of a user, and how many have not.
async fn match_by_email<'f>(
    c: &mut DbConn,
    account_id: &str,
    others: Vec<&'f SyncCandidate>,
) -> Result<(Vec<(&'f SyncCandidate, String)>, u64), sqlx::Error> {
    let emails: Vec<String> = others.iter().map(|found| fold_case(&found.email)).collect();
    let users = users::ids_by_email(c, account_id, &emails).await?;
    let mut matched = Vec::new();
    let asked = others.len();
    for (found, email) in others.into_iter().zip(emails) {
        if let Some(user_id) = users.get(&email) {
            matched.push((found, user_id.clone()));
        }
    }
    let unknown = (asked - matched.len()) as u64;
    Ok((matched, unknown))
}

/// From now on their id in the directory decides, whatever becomes of their address.
async fn link_identities(
    tx: &mut Tx,
    work: &mut SyncWorker<'_>,
    all: &[(&SyncCandidate, String)],
) -> Result<(), sqlx::Error> {
    let connection = &work.pool.connection;
    let rows = all.iter().filter_map(|(found, user_id)| {
        Some((user_id.as_str(), found.subject.as_deref()?, found.email.as_str()))
    });
    let issuer = issuer(connection);

    identities::link_many(
        tx,
        connection.account_id.as_str(),
        connection.id.as_str(),
        issuer.as_str(),
        rows.collect(),
    )
    .await?;
    work.linked_users += all.len();
    if work.linked_users >= work.next_analyze_at {
        work.next_analyze_at = work.linked_users * 4;
        analyze_tables(tx, &["users", "user_identities"]).await?;
    }
    Ok(())
}

/// Makes users of these people. Those of whom there is none, as an address is not good or taken, come back.
async fn create_users<'f>(
    tx: &mut Tx,
    work: &SyncWorker<'_>,
    missing: Vec<&'f SyncCandidate>,
) -> Result<(Vec<(&'f SyncCandidate, String)>, Vec<&'f SyncCandidate>), Error> {
    let profile = |found: &&SyncCandidate| Profile {
        user_name: found.email.clone(),
        email: Some(found.email.clone()),
        given_name: found.names.given_name.clone(),
        family_name: found.names.family_name.clone(),
        display_name: found.names.display_name.clone(),
        active: true,
        ..Profile::default()
    };
    let profiles = missing.iter().map(profile).collect();
    let detail = json!({"connection": work.pool.connection.id});
    let made = users::create_many(tx, &work.context, profiles, &detail).await?;
    let (mut all, mut refused) = (Vec::with_capacity(made.len()), Vec::new());
    for (found, made) in missing.into_iter().zip(made) {
        match made {
            Ok(user_id) => all.push((found, user_id)),
            Err(_) => refused.push(found),
        }
    }
    Ok((all, refused))
}
