//! SQL of linked identities.

use std::collections::HashMap;

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
    /// The subject identifier, which the issuer never reassigns.
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
         last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&subject.id)
    .bind(name)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
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
