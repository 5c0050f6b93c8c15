//! SQL of domains, and of which connections may speak for them.

use std::collections::HashMap;

use super::model::Domain;
use super::name::{DomainName, to_ascii};
use crate::kernel::database::{DbConn, lookup_map};
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};

macro_rules! columns {
    () => {
        "id, account_id, domain, state, method, record_value, verified_at, checked_at, failing_since, last_error, \
         next_check_at, grace_until, created_at"
    };
}

/// The condition that a row of `domains v` counts for its account: it is verified, or it is in its grace and no
/// account has verified it. The argument is the parameter of the current time.
macro_rules! counts {
    ($now:literal) => {
        concat!(
            "(v.state = 'verified' OR (v.state = 'pending' AND v.grace_until > ",
            $now,
            " AND NOT EXISTS (SELECT 1 FROM domains o WHERE o.domain = v.domain AND o.state = 'verified')))"
        )
    };
}
pub(crate) use counts;

/// Whether the connection may speak for addresses in `domain`: the domain counts for the account and is named with
/// this connection.
pub async fn speaks_for(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    domain: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let Some(domain) = to_ascii(domain) else { return Ok(false) };
    let found: Option<String> = sqlx::query_scalar(concat!(
        "SELECT v.id FROM connection_domains d JOIN domains v ON v.account_id = d.account_id AND v.domain = d.domain \
         WHERE d.account_id = $1 AND d.domain = $2 AND d.connection_id = $3 AND ",
        counts!("$4")
    ))
    .bind(account_id)
    .bind(domain)
    .bind(connection_id)
    .bind(now)
    .fetch_optional(c)
    .await?;
    Ok(found.is_some())
}

/// The account that has verified `domain`.
pub async fn account_of(c: &mut DbConn, domain: &str) -> Result<Option<AccountId>, sqlx::Error> {
    let Some(domain) = to_ascii(domain) else { return Ok(None) };
    sqlx::query_scalar("SELECT account_id FROM domains WHERE domain = $1 AND state = 'verified'")
        .bind(domain)
        .fetch_optional(c)
        .await
}

/// The accounts that have verified these domains, by domain. The names are in lowercase ASCII.
pub async fn accounts_of(
    c: &mut DbConn,
    domains: &[String],
) -> Result<HashMap<String, AccountId>, sqlx::Error> {
    let head = "SELECT domain, account_id FROM domains WHERE state = 'verified' AND domain IN";
    lookup_map(c, head, &[], domains).await
}

/// The account in which a user with an address in `domain` signs in without naming one: the one that has verified
/// it, or the first account of the server while it is in its grace there. The claim of any other account does not draw
/// users to it.
pub async fn find_account_for_sign_in(
    c: &mut DbConn,
    domain: &str,
    now: Timestamp,
) -> Result<Option<AccountId>, sqlx::Error> {
    let Some(domain) = to_ascii(domain) else { return Ok(None) };
    sqlx::query_scalar(concat!(
        "SELECT v.account_id FROM domains v WHERE v.domain = $1 AND ",
        counts!("$2"),
        " AND (v.state = 'verified' OR v.account_id = (SELECT a.id FROM accounts a ORDER BY a.created_at, a.id LIMIT 1))"
    ))
    .bind(domain)
    .bind(now)
    .fetch_optional(c)
    .await
}

/// The domain with this id in this account.
pub async fn by_id(c: &mut DbConn, account_id: &AccountId, id: &str) -> Result<Option<Domain>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM domains WHERE account_id = $1 AND id = $2"))
        .bind(account_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The domain with this name in this account.
pub async fn by_name(
    c: &mut DbConn,
    account_id: &AccountId,
    name: &DomainName,
) -> Result<Option<Domain>, sqlx::Error> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM domains WHERE account_id = $1 AND domain = $2"))
        .bind(account_id)
        .bind(name.as_str())
        .fetch_optional(c)
        .await
}

/// A page of an account's domains.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    after: &str,
    limit: i64,
) -> Result<Vec<Domain>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM domains WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3"
    ))
    .bind(account_id)
    .bind(after)
    .bind(limit)
    .fetch_all(c)
    .await
}

/// The number of domains that an account claims.
pub(super) async fn count(c: &mut DbConn, account_id: &AccountId) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT COUNT(*) FROM domains WHERE account_id = $1")
        .bind(account_id)
        .fetch_one(c)
        .await
}

/// The domains of an account that count for a while without a proof, those that end first in front.
pub async fn list_in_grace(
    c: &mut DbConn,
    account_id: &AccountId,
    now: Timestamp,
) -> Result<Vec<Domain>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM domains WHERE account_id = $1 AND state = 'pending' AND grace_until > $2 \
         ORDER BY grace_until, domain"
    ))
    .bind(account_id)
    .bind(now)
    .fetch_all(c)
    .await
}

/// A verified domain whose check is due, of any account, for the job that checks them.
pub async fn due(c: &mut DbConn, now: Timestamp) -> Result<Option<Domain>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM domains WHERE next_check_at <= $1 AND state = 'verified' ORDER BY next_check_at LIMIT 1"
    ))
    .bind(now)
    .fetch_optional(c)
    .await
}

/// Takes on the check that is due, so that no other node does it as well. It is due again at `again` unless a result is
/// stored before. Returns false if another node was first.
pub async fn take_check(tx: &mut Tx, domain: &Domain, again: Timestamp) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE domains SET next_check_at = $1 WHERE account_id = $2 AND id = $3 AND next_check_at = $4",
    )
    .bind(again)
    .bind(&domain.account_id)
    .bind(&domain.id)
    .bind(domain.next_check_at)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The connections that may speak for a domain of the account, in the order of their creation.
pub async fn connections_of(
    c: &mut DbConn,
    account_id: &AccountId,
    domain: &str,
) -> Result<Vec<ConnectionId>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT connection_id FROM connection_domains WHERE account_id = $1 AND domain = $2 ORDER BY connection_id",
    )
    .bind(account_id)
    .bind(domain)
    .fetch_all(c)
    .await
}

/// The domains that a connection may speak for as far as they count, in alphabetical order.
pub async fn domains_of(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<Vec<Domain>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM domains WHERE account_id = $1 AND domain IN (SELECT d.domain FROM connection_domains d \
         WHERE d.account_id = $1 AND d.connection_id = $2) ORDER BY domain"
    ))
    .bind(account_id)
    .bind(connection_id)
    .fetch_all(c)
    .await
}

/// Whether the account has a connection with this id.
pub(super) async fn has_connection(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<bool, sqlx::Error> {
    let found: Option<String> =
        sqlx::query_scalar("SELECT id FROM connections WHERE account_id = $1 AND id = $2")
            .bind(account_id)
            .bind(connection_id)
            .fetch_optional(c)
            .await?;
    Ok(found.is_some())
}

pub(super) async fn insert(tx: &mut Tx, domain: &Domain) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO domains (id, account_id, domain, state, record_value, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&domain.id)
    .bind(&domain.account_id)
    .bind(&domain.domain)
    .bind(domain.state.as_str())
    .bind(&domain.record_value)
    .bind(domain.created_at)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Stores what a check or the operator's word has changed. Fails with a duplicate if another account has verified
/// the domain meanwhile.
pub(super) async fn overwrite(tx: &mut Tx, domain: &Domain) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE domains SET state = $1, method = $2, verified_at = $3, checked_at = $4, failing_since = $5, \
         last_error = $6, next_check_at = $7, grace_until = $8 WHERE account_id = $9 AND id = $10",
    )
    .bind(domain.state.as_str())
    .bind(domain.stored_method.as_deref())
    .bind(domain.verified_at)
    .bind(domain.checked_at)
    .bind(domain.failing_since)
    .bind(domain.last_error.as_deref())
    .bind(domain.next_check_at)
    .bind(domain.grace_until)
    .bind(&domain.account_id)
    .bind(&domain.id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn link(
    tx: &mut Tx,
    account_id: &AccountId,
    domain: &str,
    connection_id: &ConnectionId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO connection_domains (account_id, domain, connection_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(account_id)
    .bind(domain)
    .bind(connection_id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Ends what all connections may say about the domain.
pub(super) async fn unlink_domain(
    tx: &mut Tx,
    account_id: &AccountId,
    domain: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM connection_domains WHERE account_id = $1 AND domain = $2")
        .bind(account_id)
        .bind(domain)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Ends what the connection may say about any domain.
pub(super) async fn unlink_connection(
    tx: &mut Tx,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM connection_domains WHERE account_id = $1 AND connection_id = $2")
        .bind(account_id)
        .bind(connection_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn remove(tx: &mut Tx, domain: &Domain) -> Result<(), sqlx::Error> {
    unlink_domain(tx, &domain.account_id, &domain.domain).await?;
    sqlx::query("DELETE FROM domains WHERE account_id = $1 AND id = $2")
        .bind(&domain.account_id)
        .bind(&domain.id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// A domain that the migration made: its account, and its name as connections listed it.
#[derive(sqlx::FromRow)]
pub(super) struct MigratedDomain {
    pub(super) id: String,
    pub(super) account_id: AccountId,
    pub(super) domain: String,
}

/// The domains that the migration made and that no server has finished.
pub(super) async fn list_migrated(c: &mut DbConn) -> Result<Vec<MigratedDomain>, sqlx::Error> {
    sqlx::query_as("SELECT id, account_id, domain FROM domains WHERE grace_until = -1 ORDER BY id")
        .fetch_all(c)
        .await
}

/// Gives a migrated domain its id, record value and grace. Does nothing if another node has done so.
pub(super) async fn finish_migrated(
    tx: &mut Tx,
    migrated: &MigratedDomain,
    finished: &Domain,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE domains SET id = $1, domain = $2, record_value = $3, grace_until = $4, created_at = $5 \
         WHERE account_id = $6 AND id = $7 AND grace_until = -1",
    )
    .bind(&finished.id)
    .bind(&finished.domain)
    .bind(&finished.record_value)
    .bind(finished.grace_until)
    .bind(finished.created_at)
    .bind(&migrated.account_id)
    .bind(&migrated.id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Lets the connections that listed a domain under one name speak for it under another.
pub(super) async fn move_links(
    tx: &mut Tx,
    account_id: &AccountId,
    from: &str,
    to: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO connection_domains (account_id, domain, connection_id) \
         SELECT account_id, CAST($1 AS TEXT), connection_id FROM connection_domains \
         WHERE account_id = $2 AND domain = $3 ON CONFLICT DO NOTHING",
    )
    .bind(to)
    .bind(account_id)
    .bind(from)
    .execute(&mut **tx)
    .await?;
    unlink_domain(tx, account_id, from).await
}

/// Removes a migrated domain.
pub(super) async fn remove_migrated(tx: &mut Tx, migrated: &MigratedDomain) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM domains WHERE account_id = $1 AND id = $2 AND grace_until = -1")
        .bind(&migrated.account_id)
        .bind(&migrated.id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
