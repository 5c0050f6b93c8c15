//! Who the people of a directory are here. Kept as hashes and ids, 32 bytes for each name of a person, so that a hundred
//! thousand are a few megabytes.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::json;
use uuid::Uuid;

use super::super::super::connections::{Jit, UserQuery};
use super::super::person::Person;
use super::super::search::Entry;
use super::super::signin::issuer;
use super::reader::Reader;
use super::run::{Failure, Work};
use crate::directory::users::{self, Profile};
use crate::directory::{Error, fold};
use crate::kernel::Tx;
use crate::kernel::database::{Connection, have_grown};
use crate::signin::{Names, identities};

/// Somebody who may be a member of a group.
pub(super) struct Found {
    /// The hashes of the names that lists of members have for them: their DN, their `uid`.
    keys: Vec<u128>,
    subject: Option<String>,
    email: String,
    names: Names,
    /// Whether the connection makes a user of them.
    admitted: bool,
}

impl Found {
    pub(super) fn read(entry: Entry, query: &Arc<UserQuery>, jit: &Jit) -> Option<Self> {
        let person = Person { entry, query: query.clone() };
        let email = person.email()?.to_owned();
        let names = person.names();
        let subject = person.entry.stable_id();
        let called = [Some(person.entry.dn.as_str()), person.entry.first("uid")];
        let keys = called.into_iter().flatten().map(key).collect();
        let admitted = jit.admits(|key| person.entry.all(key).to_vec());
        Some(Self { keys, subject, email, names, admitted })
    }
}

/// The people of a directory who are somebody here, by their DN and by their `uid`.
#[derive(Default)]
pub(super) struct People(HashMap<u128, Uuid>);

impl People {
    /// The user who has this DN, or this name in a list of names.
    pub(super) fn user(&self, member: &str) -> Option<Uuid> {
        self.0.get(&key(member)).copied()
    }

    fn add_all(&mut self, all: &[(&Found, String)]) {
        for (found, user_id) in all {
            self.add(found, user_id);
        }
    }

    fn add(&mut self, found: &Found, user_id: &str) {
        let Ok(id) = user_id.parse() else { return };
        self.0.extend(found.keys.iter().map(|key| (*key, id)));
    }
}

/// DNs are compared without case, and without the spaces that some servers write after commas.
pub(super) fn key(dn: &str) -> u128 {
    let folded = dn.to_lowercase().replace(", ", ",");
    let hash = digest::digest(&digest::SHA256, folded.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_ref()[..16]);
    u128::from_be_bytes(first)
}

/// Reads all people of the user queries.
pub(super) async fn read(work: &mut Work<'_>, reader: Reader) -> Result<(People, Reader), Failure> {
    let mut people = People::default();
    let mut ahead = reader.people();
    while let Some(batch) = ahead.next().await {
        work.report.people += batch.len() as u64;
        look_up(work, &mut people, &batch).await?;
        work.say().await?;
    }
    Ok((people, ahead.end().await?))
}

/// Finds the users whom these people are: by their id in the directory, else by their address. Makes those who are
/// nobody here, where the connection does that.
async fn look_up(work: &mut Work<'_>, people: &mut People, batch: &[Found]) -> Result<(), Failure> {
    let db = &work.idp.signin.kernel.db;
    let pool = work.pool.clone();
    let connection = &pool.connection;
    let subjects: Vec<String> = batch.iter().filter_map(|found| found.subject.clone()).collect();
    let mut c = db.read().await?;
    let known = identities::of_subjects(&mut c, (&connection.id, &issuer(connection)), &subjects).await?;
    let mut strangers = Vec::new();
    for found in batch {
        match found.subject.as_ref().and_then(|subject| known.get(subject)) {
            Some(user_id) => people.add(found, user_id),
            None => strangers.push(found),
        }
    }
    let makes = |found: &&Found| found.admitted && !work.report.preview;
    let (admitted, mut others): (Vec<_>, Vec<_>) = strangers.into_iter().partition(makes);
    if admitted.is_empty() {
        let (matched, unknown) = by_address(&mut c, &connection.account_id, others).await?;
        drop(c);
        work.report.unknown += unknown;
        if !matched.is_empty() && !work.report.preview {
            let mut tx = db.begin_step().await?;
            link(&mut tx, work, &matched).await?;
            tx.commit().await?;
        }
        people.add_all(&matched);
        return Ok(());
    }
    drop(c);
    let mut tx = db.begin_step().await?;
    let (mut all, refused) = create(&mut tx, work, admitted).await?;
    let created = all.len() as u64;
    others.extend(refused);
    let (matched, unknown) = by_address(&mut tx, &connection.account_id, others).await?;
    all.extend(matched);
    link(&mut tx, work, &all).await?;
    tx.commit().await?;
    work.report.created += created;
    work.report.unknown += unknown;
    people.add_all(&all);
    Ok(())
}

/// Those who have the address of a user, and how many have not.
async fn by_address<'f>(
    c: &mut Connection,
    account_id: &str,
    others: Vec<&'f Found>,
) -> Result<(Vec<(&'f Found, String)>, u64), sqlx::Error> {
    let emails: Vec<String> = others.iter().map(|found| fold(&found.email)).collect();
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
async fn link(tx: &mut Tx, work: &mut Work<'_>, all: &[(&Found, String)]) -> Result<(), sqlx::Error> {
    let connection = &work.pool.connection;
    let rows = all.iter().filter_map(|(found, user_id)| {
        Some((user_id.as_str(), found.subject.as_deref()?, found.email.as_str()))
    });
    let issuer = issuer(connection);
    let whose = (connection.account_id.as_str(), connection.id.as_str(), issuer.as_str());
    identities::link_many(tx, whose, rows.collect()).await?;
    work.linked += all.len();
    if work.linked >= work.next_look {
        work.next_look = work.linked * 4;
        have_grown(tx, &["users", "user_identities"]).await?;
    }
    Ok(())
}

/// Makes users of these people. Those of whom there is none, as an address is not good or taken, come back.
async fn create<'f>(
    tx: &mut Tx,
    work: &Work<'_>,
    missing: Vec<&'f Found>,
) -> Result<(Vec<(&'f Found, String)>, Vec<&'f Found>), Error> {
    let profile = |found: &&Found| Profile {
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
