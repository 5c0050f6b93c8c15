//! Testing a directory: each step with what it found. Nobody is signed in by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Idp;
use super::super::connections::{Connection, LdapSettings};
use super::super::report::verdict;
use super::super::trials::{self, Found};
use super::check::{Check, Failed, Report};
use super::error::Error as LdapError;
use super::person::{Person, Place};
use super::pool::{Link, Pool, Pools};
use super::search::{Question, some};
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::Error;
use crate::kernel::Kernel;

/// Entries that a test of a query reads: enough to see whether it is right.
const SAMPLE: u16 = 25;

/// Tests a connection: the id of the test, whose result is there.
///
/// # Errors
/// [`Error`].
pub async fn run(
    idp: &Idp,
    (principal, context): (&Principal, &Context),
    (connection, settings): (&Connection, &LdapSettings),
) -> Result<String, Error> {
    let found = examine(&idp.signin.kernel, &idp.ldap, (connection, settings)).await;
    let mut tx = idp.signin.kernel.db.begin().await?;
    let (trial, _) = trials::begin(&mut tx, principal, (connection, "")).await?;
    trials::finish(&mut tx, context, (connection, &trial), &found).await?;
    tx.commit().await?;
    Ok(trial.id)
}

/// What each step of a test finds.
pub async fn examine(
    kernel: &Kernel,
    pools: &Pools,
    (connection, settings): (&Connection, &LdapSettings),
) -> Found {
    look(kernel, &pools.of(connection, settings)).await.unwrap_or_else(Found::failed)
}

async fn look(kernel: &Kernel, pool: &Arc<Pool>) -> Result<Found, Failed> {
    let mut report = Report::default();
    // A new connection, so that what is tested is what is set.
    let mut link = pool.search(kernel).await.map_err(|error| match error {
        LdapError::Refused { .. } => {
            report.pass(Check::Connect);
            report.fail(Check::Bind, "the bind DN and its password accepted", error)
        }
        error => report.fail(Check::Connect, "a server that answers", error),
    })?;
    let kind = if link.is_active_directory { "Active Directory" } else { "a directory" };
    report.note(Check::Connect, verdict(true, "a server that answers", kind))?;
    let who = if pool.settings.bind_dn.is_empty() { "anonymous" } else { &pool.settings.bind_dn };
    report.note(Check::Bind, verdict(true, "the bind DN and its password accepted", who))?;
    let mut attributes = BTreeMap::new();
    let people = people(kernel, pool, (&mut link, &mut report)).await?;
    let shown = people.iter().take(5).map(|person| person.entry.dn.clone()).collect();
    attributes.insert("people".to_owned(), shown);
    let without: Vec<&Person> = people.iter().filter(|person| person.email().is_none()).collect();
    let count = format!("{} of {} have none", without.len(), people.len());
    let good = without.len() < people.len();
    report.note(Check::Email, verdict(good, "an address at everybody who signs in", count))?;
    let with_id = people.iter().filter(|person| person.entry.stable_id().is_some()).count();
    let count = format!("{with_id} of {} have one", people.len());
    report.note(Check::Id, verdict(with_id > 0, "objectGUID or entryUUID", count))?;
    let groups = groups(kernel, pool, (&mut link, &mut report)).await?;
    attributes.insert("groups".to_owned(), groups);
    attributes.retain(|_, values: &mut Vec<String>| !values.is_empty());
    link.give_back();
    Ok(Found { passed: true, checks: report.steps(), attributes, ..Found::default() })
}

async fn people(
    kernel: &Kernel,
    pool: &Arc<Pool>,
    (link, report): (&mut Link, &mut Report),
) -> Result<Vec<Person>, Failed> {
    let mut people = Vec::new();
    for Place { query, attributes } in &pool.places {
        let question = Question::below(&query.base_dn, &query.filter, attributes);
        let expected = format!("people below {}", query.base_dn);
        let found = some(kernel, pool, link, (question, SAMPLE)).await;
        let found = found.map_err(|error| report.fail(Check::Users, &expected, error))?;
        let some = !found.is_empty();
        report.note(Check::Users, verdict(some, &expected, counted(found.len())))?;
        people.extend(found.into_iter().map(|entry| Person { entry, query: query.clone() }));
    }
    Ok(people)
}

async fn groups(
    kernel: &Kernel,
    pool: &Arc<Pool>,
    (link, report): (&mut Link, &mut Report),
) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for query in &pool.settings.group_queries {
        let wanted = [query.name_attribute.clone(), query.description_attribute.clone()].into();
        let question = Question::below(&query.base_dn, &query.filter, &wanted);
        let expected = format!("groups below {}", query.base_dn);
        let found = some(kernel, pool, link, (question, SAMPLE)).await;
        let found = found.map_err(|error| report.fail(Check::Groups, &expected, error))?;
        report.note(Check::Groups, verdict(!found.is_empty(), &expected, counted(found.len())))?;
        names.extend(found.iter().filter_map(|entry| entry.first(&query.name_attribute)).map(str::to_owned));
    }
    Ok(names)
}

fn counted(count: usize) -> String {
    if count >= SAMPLE.into() { format!("{count} or more") } else { count.to_string() }
}
