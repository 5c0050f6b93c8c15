//! SQL of linked identities.

use std::collections::HashMap;

use crate::directory::domains::counts;
use crate::directory::users::User;
use crate::kernel::database::{DbConn, SqlValue, execute_where_in, fetch_where_in, insert_all, lookup_map};
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx, UserId};
use crate::signin::proof::ExternalSubject;

/// An identity that is linked to a user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// The user's id.
    pub user_id: UserId,
    /// The connection of the identity provider.
    pub connection_id: ConnectionId,
    /// The connection's name.
    pub connection: String,
    /// The issuer.
    pub issuer: String,
    /// The subject identifier, which the issuer never reassigns unless it is an address.
    pub subject: String,
    /// The identifier that the provider gave the user at their last sign-in.
    pub name: String,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it was last used, to within 15 minutes.
    pub last_used_at: Timestamp,
}

/// The part of an identity that a sign-in needs.
#[derive(Debug, sqlx::FromRow)]
pub struct LinkedIdentity {
    /// Its id.
    pub id: String,
    /// The user's id.
    pub user_id: UserId,
    /// The identifier that the provider gave the user at their last sign-in.
    pub name: String,
    /// When it was last used, to within 15 minutes.
    pub last_used_at: Timestamp,
}

macro_rules! columns {
    () => {
        "SELECT i.id, i.user_id, i.connection_id, c.name AS connection, i.issuer, i.subject, i.name, i.created_at, \
         i.last_used_at FROM user_identities i JOIN connections c ON c.id = i.connection_id "
    };
}

/// The identities of a user, the oldest first.
pub async fn of_user(c: &mut DbConn, user_id: &UserId) -> Result<Vec<Identity>, sqlx::Error> {
    sqlx::query_as(concat!(columns!(), "WHERE i.user_id = $1 ORDER BY i.id LIMIT 200"))
        .bind(user_id)
        .fetch_all(c)
        .await
}

/// The identity with this id, if it belongs to this user.
pub async fn by_id(c: &mut DbConn, user_id: &UserId, id: &str) -> Result<Option<Identity>, sqlx::Error> {
    sqlx::query_as(concat!(columns!(), "WHERE i.user_id = $1 AND i.id = $2"))
        .bind(user_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// The linked identity of a subject at a connection.
pub async fn of_subject(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
) -> Result<Option<LinkedIdentity>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, user_id, name, last_used_at FROM user_identities \
         WHERE connection_id = $1 AND issuer = $2 AND subject = $3",
    )
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&subject.id)
    .fetch_optional(c)
    .await
}

/// Finds the users that these subjects of one issuer are linked to at a connection: user ids by subject, `None` if the
/// link has ended.
pub async fn of_subjects(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    issuer: &str,
    subjects: &[String],
) -> Result<HashMap<String, Option<UserId>>, sqlx::Error> {
    let head = "SELECT subject, user_id, ended_at FROM user_identities WHERE connection_id = $1 AND issuer = $2 \
                AND subject IN";
    let rows: Vec<(String, UserId, Option<Timestamp>)> =
        fetch_where_in(c, head, &[connection_id, issuer], subjects).await?;
    let linked =
        rows.into_iter().map(|(subject, user_id, ended)| (subject, ended.is_none().then_some(user_id)));
    Ok(linked.collect())
}

/// Where subjects were found: by one query of the sync of a directory.
#[derive(Debug)]
pub struct FoundSubjects<'a> {
    /// The account.
    pub account_id: &'a AccountId,
    /// The connection of the directory.
    pub connection_id: &'a ConnectionId,
    /// The issuer of the subjects.
    pub issuer: &'a str,
    /// The key of the query.
    pub query_key: &'a str,
}

/// Records that the directory has these subjects. Links that had ended are links again.
pub async fn record_found(
    tx: &mut Tx,
    found: FoundSubjects<'_>,
    subjects: &[String],
) -> Result<(), sqlx::Error> {
    let head = "UPDATE user_identities SET query_key = $1, ended_at = NULL \
                WHERE account_id = $2 AND connection_id = $3 AND issuer = $4 AND subject IN";
    let FoundSubjects { account_id, connection_id, issuer, query_key } = found;
    let firsts: [SqlValue<'_>; 4] =
        [query_key.into(), account_id.as_str().into(), connection_id.as_str().into(), issuer.into()];
    execute_where_in(tx, head, "RETURNING subject", &firsts, subjects).await.map(drop)
}

/// Ends the links of a user to a directory that has them no more. The rows stay: another entry with the address of the
/// user is still not given the user.
pub async fn end_links(tx: &mut Tx, user: &User, connection_id: &ConnectionId) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "UPDATE user_identities SET ended_at = $1 WHERE account_id = $2 AND user_id = $3 AND connection_id = $4 \
         AND ended_at IS NULL",
    )
    .bind(now)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(connection_id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Links many subjects of one issuer to users, given as (user id, subject, name). The caller has checked
/// that none of them is linked, and records one event for all of them.
pub async fn link_many(
    tx: &mut Tx,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    issuer: &str,
    rows: Vec<(&str, &str, &str)>,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    let mut all = Vec::with_capacity(rows.len());
    for (user_id, subject, name) in rows {
        all.push([
            SqlValue::from(tx.new_id()),
            account_id.into(),
            user_id.into(),
            connection_id.into(),
            issuer.into(),
            subject.into(),
            name.into(),
            now.into(),
            now.into(),
        ]);
    }
    let head = "INSERT INTO user_identities (id, account_id, user_id, connection_id, issuer, subject, name, \
                created_at, last_used_at)";
    insert_all(tx, head, all).await
}

/// Links a subject to a user; returns false when it is linked already.
pub(super) async fn insert(
    tx: &mut Tx,
    user: &User,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
    name: &str,
) -> Result<bool, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let done = sqlx::query(
        "INSERT INTO user_identities (id, account_id, user_id, connection_id, issuer, subject, name, created_at, \
         last_used_at, is_address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&subject.id)
    .bind(name)
    .bind(now)
    .bind(i32::from(subject.is_address))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes the links that give way to a new link of `user`: by this subject to another user, if it is an
/// address, and of this user by an address of the same issuer.
pub(super) async fn remove_replaced(
    tx: &mut Tx,
    user: &User,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
) -> Result<(), sqlx::Error> {
    // Two statements, because SQLite uses no index for one of two conditions.
    for (statement, value) in [
        (
            "DELETE FROM user_identities WHERE connection_id = $1 AND issuer = $2 AND is_address = 1 AND user_id = $3",
            user.id.as_str(),
        ),
        (
            "DELETE FROM user_identities WHERE connection_id = $1 AND issuer = $2 AND is_address = 1 AND subject = $3",
            subject.id.as_str(),
        ),
    ] {
        sqlx::query(statement)
            .bind(connection_id)
            .bind(&subject.issuer)
            .bind(value)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// A subject that is linked to a user.
#[derive(sqlx::FromRow)]
pub(super) struct LinkedSubject {
    pub(super) subject: String,
    is_address: i32,
    /// The identifier that the provider gave the user at their last sign-in.
    pub(super) name: String,
}

impl LinkedSubject {
    /// See [`ExternalSubject::is_address`].
    pub(super) fn is_address(&self) -> bool {
        self.is_address != 0
    }
}

/// The other subjects of the issuer of `subject` that are linked to the user.
pub(super) async fn other_subjects(
    c: &mut DbConn,
    user_id: &UserId,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
) -> Result<Vec<LinkedSubject>, sqlx::Error> {
    sqlx::query_as(
        "SELECT subject, is_address, name FROM user_identities WHERE user_id = $1 AND connection_id = $2 \
         AND issuer = $3 AND subject <> $4",
    )
    .bind(user_id)
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&subject.id)
    .fetch_all(c)
    .await
}

/// Whether the account has this connection, and it is enabled.
pub(crate) async fn is_connection_enabled(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
) -> Result<bool, sqlx::Error> {
    let enabled: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM connections WHERE account_id = $1 AND id = $2 AND enabled = 1",
    )
    .bind(account_id)
    .bind(connection_id)
    .fetch_one(c)
    .await?;
    Ok(enabled > 0)
}

/// Which of these users of a connection's account a sync does not link by their address: those who are
/// linked to another subject there, and those whose first link needs a confirmation.
pub async fn not_linked_by_sync(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    user_ids: &[String],
) -> Result<HashMap<String, UserId>, sqlx::Error> {
    let head = "SELECT u.id, u.id FROM users u WHERE u.account_id = $1 \
                AND (EXISTS (SELECT 1 FROM user_identities i WHERE i.user_id = u.id AND i.connection_id = $2) \
                OR EXISTS (SELECT 1 FROM role_bindings r WHERE r.principal_id = u.id) \
                OR EXISTS (SELECT 1 FROM passwords p WHERE p.user_id = u.id) \
                OR EXISTS (SELECT 1 FROM enrolments e WHERE e.user_id = u.id)) AND u.id IN";
    lookup_map(c, head, &[account_id, connection_id], user_ids).await
}

/// Whether two connections of the account may speak for the same domain at `now`.
pub(crate) async fn share_domain(
    c: &mut DbConn,
    account_id: &AccountId,
    connections: [&ConnectionId; 2],
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let shared: Option<String> = sqlx::query_scalar(concat!(
        "SELECT v.id FROM connection_domains a JOIN connection_domains b ON b.account_id = a.account_id \
         AND b.domain = a.domain JOIN domains v ON v.account_id = a.account_id AND v.domain = a.domain \
         WHERE a.account_id = $1 AND a.connection_id = $2 AND b.connection_id = $3 AND ",
        counts!("$4"),
        " LIMIT 1"
    ))
    .bind(account_id)
    .bind(connections[0])
    .bind(connections[1])
    .bind(now)
    .fetch_optional(c)
    .await?;
    Ok(shared.is_some())
}

/// Whether no domain names the connection.
pub(crate) async fn names_no_domain(
    c: &mut DbConn,
    connection_id: &ConnectionId,
) -> Result<bool, sqlx::Error> {
    let named: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM connection_domains WHERE connection_id = $1")
        .bind(connection_id)
        .fetch_one(c)
        .await?;
    Ok(named == 0)
}

/// The kind of a connection that is in its grace period after an upgrade; `None` for every other one.
pub(crate) async fn upgraded_kind(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    now: Timestamp,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT kind FROM connections WHERE id = $1 AND address_grace_until > $2")
        .bind(connection_id)
        .bind(now)
        .fetch_optional(c)
        .await
}

/// Until when a connection is in its grace period after an upgrade, if it is.
pub async fn address_grace_until(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    now: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT address_grace_until FROM connections WHERE id = $1 AND address_grace_until > $2",
    )
    .bind(connection_id)
    .bind(now)
    .fetch_optional(c)
    .await
}

/// Lets the grace period of the connections that an upgrade marked end at `until`, and notes who has signed in with
/// them before, as the audit trail tells: reading it once takes less than reading it at each of their sign-ins.
pub async fn begin_address_grace(tx: &mut Tx, until: Timestamp) -> Result<u64, sqlx::Error> {
    let marked: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM connections WHERE address_grace_until = -1")
        .fetch_one(&mut **tx)
        .await?;
    // No start but the first one reads the audit trail, whatever plan the database chooses.
    if marked == 0 {
        return Ok(0);
    }
    sqlx::query(
        "INSERT INTO users_before_upgrade (account_id, connection_id, user_id) \
         SELECT DISTINCT c.account_id, c.id, u.id FROM connections c \
         JOIN audit_events e ON e.account_id = c.account_id \
         JOIN users u ON u.account_id = c.account_id AND u.id = e.resource_id \
         WHERE c.address_grace_until = -1 AND e.action = 'session.sign_in' AND e.outcome = 'success' \
         AND e.detail LIKE '%\"connection\":\"' || c.id || '\"%'",
    )
    .execute(&mut **tx)
    .await?;
    let done = sqlx::query("UPDATE connections SET address_grace_until = $1 WHERE address_grace_until = -1")
        .bind(until)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Whether the user had signed in with this connection before the upgrade.
pub(crate) async fn has_signed_in_before_upgrade(
    c: &mut DbConn,
    user: &User,
    connection_id: &ConnectionId,
) -> Result<bool, sqlx::Error> {
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM users_before_upgrade WHERE account_id = $1 AND connection_id = $2 AND user_id = $3",
    )
    .bind(&user.account_id)
    .bind(connection_id)
    .bind(&user.id)
    .fetch_one(c)
    .await?;
    Ok(found > 0)
}

/// Forgets who signed in before an upgrade when that counts no longer.
pub(crate) async fn delete_users_before_upgrade(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "DELETE FROM users_before_upgrade WHERE connection_id IN \
         (SELECT id FROM connections WHERE address_grace_until BETWEEN 0 AND $1)",
    )
    .bind(now)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn record_use(tx: &mut Tx, id: &str, name: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE user_identities SET name = $1, last_used_at = $2, ended_at = NULL WHERE id = $3")
        .bind(name)
        .bind(now)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn remove(tx: &mut Tx, id: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM user_identities WHERE id = $1").bind(id).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}
