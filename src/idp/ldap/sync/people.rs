//! Who the people of a directory are here. Kept as hashes and ids, 32 bytes for each name of a person, so that a hundred
//! thousand are a few megabytes.

use std::collections::HashMap;

use aws_lc_rs::digest;
use serde_json::json;
use uuid::Uuid;

use super::super::super::connections::UserQuery;
use super::super::person::{Person, attributes};
use super::super::search::{Entry, Question, Walk};
use super::super::signin::issuer;
use super::run::{Failure, Work};
use crate::directory::users::{self, Profile};
use crate::directory::{Error, fold};
use crate::kernel::Tx;
use crate::kernel::database::have_grown;
use crate::signin::{Names, Subject, identities};

/// People who are looked up in one unit of work.
const BATCH: usize = 500;

/// Somebody who may be a member of a group.
struct Found {
    dn: String,
    uid: Option<String>,
    subject: Option<String>,
    email: String,
    names: Names,
}

impl Found {
    fn read(entry: Entry, query: &UserQuery) -> Option<Self> {
        let person = Person { entry, query: query.clone() };
        let email = person.email()?.to_owned();
        let names = person.names();
        let subject = person.entry.stable_id();
        let uid = person.entry.first("uid").map(str::to_owned);
        Some(Self { dn: person.entry.dn, uid, subject, email, names })
    }
}

/// The people of a directory who are somebody here, by their DN and by their `uid`.
#[derive(Default)]
pub(super) struct People(HashMap<u128, Uuid>);

impl People {
    /// The user who has this DN, or this name in a list of names.
    pub(super) fn user(&self, member: &str) -> Option<String> {
        self.0.get(&key(member)).map(Uuid::to_string)
    }

    fn add_all(&mut self, all: &[(&Found, String)]) {
        for (found, user_id) in all {
            self.add(found, user_id);
        }
    }

    fn add(&mut self, found: &Found, user_id: &str) {
        let Ok(id) = user_id.parse() else { return };
        self.0.insert(key(&found.dn), id);
        if let Some(uid) = &found.uid {
            self.0.insert(key(uid), id);
        }
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
pub(super) async fn read(work: &mut Work<'_>) -> Result<People, Failure> {
    let mut people = People::default();
    let pool = work.pool.clone();
    for query in &pool.settings.user_queries {
        let wanted = attributes(query);
        let question = Question::below(&query.base_dn, &query.filter, &wanted);
        let mut walk = Walk::begin(&pool, &mut work.link, question).await?;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let next = walk.next(&work.idp.signin.kernel, &pool).await?;
            let is_last = next.is_none();
            batch.extend(next.and_then(|entry| Found::read(entry, query)));
            if batch.len() >= BATCH || (is_last && !batch.is_empty()) {
                work.report.people += batch.len() as u64;
                look_up(work, &mut people, &batch).await?;
                batch.clear();
                work.say().await?;
            }
            if is_last {
                break;
            }
        }
    }
    Ok(people)
}

/// Finds the users whom these people are: by their id in the directory, else by their address. Makes those who are
/// nobody here, where the connection does that.
async fn look_up(work: &mut Work<'_>, people: &mut People, batch: &[Found]) -> Result<(), Failure> {
    let pool = work.pool.clone();
    let connection = &pool.connection;
    let mut c = work.idp.signin.kernel.db.read().await?;
    let subjects: Vec<String> = batch.iter().filter_map(|found| found.subject.clone()).collect();
    let known = identities::of_subjects(&mut c, (&connection.id, &issuer(connection)), &subjects).await?;
    let mut strangers = Vec::new();
    for found in batch {
        match found.subject.as_ref().and_then(|subject| known.get(subject)) {
            Some(user_id) => people.add(found, user_id),
            None => strangers.push(found),
        }
    }
    if strangers.is_empty() {
        return Ok(());
    }
    let emails: Vec<String> = strangers.iter().map(|found| fold(&found.email)).collect();
    let users = users::ids_by_email(&mut c, &connection.account_id, &emails).await?;
    drop(c);
    let mut matched = Vec::new();
    let mut missing = Vec::new();
    for found in strangers {
        match users.get(&fold(&found.email)) {
            Some(user_id) => matched.push((found, user_id.clone())),
            None => missing.push(found),
        }
    }
    let creates = makes_people(work);
    if work.report.preview || (matched.is_empty() && !creates) {
        work.report.unknown += missing.len() as u64;
        people.add_all(&matched);
        return Ok(());
    }
    let mut tx = work.idp.signin.kernel.db.begin().await?;
    if creates {
        matched.extend(create(&mut tx, work, missing).await?);
    } else {
        work.report.unknown += missing.len() as u64;
    }
    // From now on the id decides, whatever becomes of the address.
    let rows = matched.iter().filter_map(|(found, user_id)| {
        let id = found.subject.clone()?;
        let subject = Subject { issuer: issuer(connection), id, address_is_verified: true };
        Some((user_id.clone(), subject, found.email.clone()))
    });
    identities::link_many(&mut tx, (&connection.account_id, &connection.id), rows.collect()).await?;
    work.linked += matched.len();
    if work.linked >= work.next_look {
        work.next_look = work.linked * 4;
        have_grown(&mut tx, &["users", "user_identities"]).await?;
    }
    tx.commit().await?;
    people.add_all(&matched);
    Ok(())
}

/// Whether people are made by a synchronisation. A rule that asks for an attribute is for sign-ins, which see it.
fn makes_people(work: &Work<'_>) -> bool {
    let jit = &work.pool.settings.jit;
    jit.enabled && jit.key.is_none()
}

async fn create<'f>(
    tx: &mut Tx,
    work: &mut Work<'_>,
    missing: Vec<&'f Found>,
) -> Result<Vec<(&'f Found, String)>, Error> {
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
    let mut all = Vec::with_capacity(made.len());
    for (found, made) in missing.into_iter().zip(made) {
        match made {
            Ok(user_id) => all.push((found, user_id)),
            // Not a good address, or somebody's user name: they stay outside, and the numbers say so.
            Err(_) => work.report.unknown += 1,
        }
    }
    work.report.created += all.len() as u64;
    Ok(all)
}
