//! SQL of linked identities.

use std::collections::HashMap;

use crate::directory::domains::counts;
use crate::directory::users::User;
use crate::kernel::database::{DbConn, SqlValue, insert_all, lookup_map};
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

/// Finds the users that these subjects of one issuer are linked to at a connection: user ids by subject.
pub async fn of_subjects(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    issuer: &str,
    subjects: &[String],
) -> Result<HashMap<String, UserId>, sqlx::Error> {
    let head = "SELECT subject, user_id FROM user_identities WHERE connection_id = $1 AND issuer = $2 AND subject IN";
    lookup_map(c, head, &[connection_id, issuer], subjects).await
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
    sqlx::query(
        "DELETE FROM user_identities WHERE connection_id = $1 AND issuer = $2 AND is_address = 1 \
         AND (user_id = $3 OR subject = $4)",
    )
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&user.id)
    .bind(&subject.id)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Whether the user is linked to a lasting subject of this issuer.
pub(super) async fn has_lasting_subject(
    c: &mut DbConn,
    user_id: &UserId,
    connection_id: &ConnectionId,
    issuer: &str,
) -> Result<bool, sqlx::Error> {
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM user_identities WHERE user_id = $1 AND connection_id = $2 AND issuer = $3 \
         AND is_address = 0",
    )
    .bind(user_id)
    .bind(connection_id)
    .bind(issuer)
    .fetch_one(c)
    .await?;
    Ok(found > 0)
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

/// Lets the grace period of the connections that an upgrade marked end at `until`.
pub async fn begin_address_grace(tx: &mut Tx, until: Timestamp) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("UPDATE connections SET address_grace_until = $1 WHERE address_grace_until = -1")
        .bind(until)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}

/// Whether the user has signed in with this connection before, as the audit trail tells.
pub(crate) async fn has_signed_in_with(
    c: &mut DbConn,
    user: &User,
    connection_id: &ConnectionId,
) -> Result<bool, sqlx::Error> {
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM audit_events WHERE account_id = $1 AND action = 'session.sign_in' \
         AND resource_id = $2 AND outcome = 'success' AND detail LIKE $3",
    )
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(format!("%\"connection\":\"{connection_id}\"%"))
    .fetch_one(c)
    .await?;
    Ok(found > 0)
}

pub(super) async fn record_use(tx: &mut Tx, id: &str, name: &str) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("UPDATE user_identities SET name = $1, last_used_at = $2 WHERE id = $3")
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
