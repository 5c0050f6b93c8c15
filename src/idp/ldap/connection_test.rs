//! Connection tests for LDAP: connect, bind and run the queries. A test has no password of a user and
//! creates no session.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::LdapCheck;
use super::error::Error as LdapError;
use super::model::{LdapUser, UserSearch};
use super::pool::{LdapConn, LdapPool, LdapPools, PooledLdapConn};
use super::search::{LdapSearchRequest, search_up_to};
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::Error;
use crate::idp::Idp;
use crate::idp::connection_tests::{self, TestResult};
use crate::idp::connections::LdapConnection;
use crate::idp::report::{CheckFailed, CheckReport, check_that};
use crate::kernel::Kernel;

/// The number of entries that the test of a query reads, enough to see whether the query is right.
const SAMPLE: u16 = 25;

/// Tests a connection. Returns the id of the test, under which the result is stored.
pub async fn run(
    idp: &Idp,
    principal: &Principal,
    context: &Context,
    connection: &LdapConnection,
) -> Result<String, Error> {
    let found = run_checks(&idp.signin.kernel, &idp.ldap, connection).await;
    let mut tx = idp.signin.kernel.db.begin().await?;
    let (test, _) = connection_tests::begin(&mut tx, principal, connection, "", None).await?;
    connection_tests::finish(&mut tx, context, connection, &test, &found).await?;
    tx.commit().await?;
    Ok(test.id)
}

/// Makes all checks and returns their results.
pub async fn run_checks(kernel: &Kernel, pools: &LdapPools, connection: &LdapConnection) -> TestResult {
    check_directory(kernel, &pools.pool_for(connection)).await.unwrap_or_else(TestResult::failed)
}

/// Connects to the directory and binds as the bind DN.
pub async fn reach(kernel: &Kernel, pools: &LdapPools, connection: &LdapConnection) -> Result<(), LdapError> {
    pools.pool_for(connection).acquire_for_search(kernel).await.map(PooledLdapConn::return_to_pool)
}

async fn check_directory(
    kernel: &Kernel,
    pool: &Arc<LdapPool>,
) -> Result<TestResult, CheckFailed<LdapCheck>> {
    let mut report = CheckReport::<LdapCheck>::default();
    // The pool belongs to the current settings, but it may return a connection that was opened earlier.
    let mut conn = pool.acquire_for_search(kernel).await.map_err(|error| match error {
        LdapError::Refused { .. } => {
            report.pass(LdapCheck::Connect);
            report.fail(LdapCheck::Bind, "the bind DN and the bind password are accepted", error)
        }
        error => report.fail(LdapCheck::Connect, "a server that responds", error),
    })?;
    let kind = if conn.is_active_directory { "Active Directory" } else { "an LDAP directory" };
    report.record(LdapCheck::Connect, check_that(true, "a server that responds", kind))?;
    let who = if pool.connection.settings.bind_dn.is_empty() {
        "anonymous bind"
    } else {
        &pool.connection.settings.bind_dn
    };
    report
        .record(LdapCheck::Bind, check_that(true, "the bind DN and the bind password are accepted", who))?;
    let mut attributes = BTreeMap::new();
    let people = check_users(kernel, pool, &mut conn, &mut report).await?;
    let shown = people.iter().take(5).map(|person| person.entry.dn.clone()).collect();
    attributes.insert("people".to_owned(), shown);
    let without: Vec<&LdapUser> = people.iter().filter(|person| person.email().is_none()).collect();
    let count = format!("{} of {} users have no email address", without.len(), people.len());
    let good = without.len() < people.len();
    report
        .record(LdapCheck::Email, check_that(good, "an email address for every user who signs in", count))?;
    let with_id = people.iter().filter(|person| person.entry.stable_id().is_some()).count();
    let count = format!("{with_id} of {} users have one", people.len());
    report.record(LdapCheck::Id, check_that(with_id > 0, "objectGUID or entryUUID", count))?;
    let groups = check_groups(kernel, pool, &mut conn, &mut report).await?;
    attributes.insert("groups".to_owned(), groups);
    attributes.retain(|_, values: &mut Vec<String>| !values.is_empty());
    conn.return_to_pool();
    Ok(TestResult { passed: true, checks: report.into_test_steps(), attributes, ..TestResult::default() })
}

async fn check_users(
    kernel: &Kernel,
    pool: &Arc<LdapPool>,
    conn: &mut LdapConn,
    report: &mut CheckReport<LdapCheck>,
) -> Result<Vec<LdapUser>, CheckFailed<LdapCheck>> {
    let mut people = Vec::new();
    for UserSearch { query, attributes } in &pool.user_searches {
        let request = LdapSearchRequest::below(&query.base_dn, &query.filter, attributes);
        let expected = format!("users below {}", query.base_dn);
        let found = search_up_to(kernel, pool, conn, request, SAMPLE).await;
        let found = found.map_err(|error| report.fail(LdapCheck::Users, &expected, error))?;
        let some = !found.is_empty();
        report.record(LdapCheck::Users, check_that(some, &expected, counted(found.len())))?;
        people.extend(found.into_iter().map(|entry| LdapUser { entry, query: query.clone() }));
    }
    Ok(people)
}

async fn check_groups(
    kernel: &Kernel,
    pool: &Arc<LdapPool>,
    conn: &mut LdapConn,
    report: &mut CheckReport<LdapCheck>,
) -> Result<Vec<String>, CheckFailed<LdapCheck>> {
    let mut names = Vec::new();
    for query in &pool.connection.settings.group_queries {
        let wanted = [query.name_attribute.clone(), query.description_attribute.clone()].into();
        let request = LdapSearchRequest::below(&query.base_dn, &query.filter, &wanted);
        let expected = format!("groups below {}", query.base_dn);
        let found = search_up_to(kernel, pool, conn, request, SAMPLE).await;
        let found = found.map_err(|error| report.fail(LdapCheck::Groups, &expected, error))?;
        report.record(LdapCheck::Groups, check_that(!found.is_empty(), &expected, counted(found.len())))?;
        names.extend(found.iter().filter_map(|entry| entry.first(&query.name_attribute)).map(str::to_owned));
    }
    Ok(names)
}

fn counted(count: usize) -> String {
    if count >= SAMPLE.into() { format!("{count} or more") } else { count.to_string() }
}
