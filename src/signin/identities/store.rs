//! The SQL of identities.

use std::collections::HashMap;

use crate::directory::users::User;
use crate::kernel::database::{DbConn, SqlValue, insert_all, lookup_map};
use crate::kernel::{Timestamp, Tx};
use crate::signin::proof::ExternalSubject;

/// An identity that belongs to a user.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// The connection that knows it.
    pub connection_id: String,
    /// What that is called.
    pub connection: String,
    /// Who says so.
    pub issuer: String,
    /// The name it never gives to anybody else.
    pub subject: String,
    /// What it called them when they came last.
    pub name: String,
    /// Since when it belongs to the user.
    pub created_at: Timestamp,
    /// When they came with it last.
    pub last_used_at: Timestamp,
}

/// What a sign-in has to know of an identity.
#[derive(Debug, sqlx::FromRow)]
pub struct LinkedIdentity {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What the provider called them when they came last.
    pub name: String,
    /// When that was.
    pub last_used_at: Timestamp,
}

macro_rules! columns {
    () => {
        "SELECT i.id, i.user_id, i.connection_id, c.name AS connection, i.issuer, i.subject, i.name, i.created_at, \
         i.last_used_at FROM user_identities i JOIN connections c ON c.id = i.connection_id "
    };
}

/// The identities of a user, the oldest first.
pub async fn of_user(c: &mut DbConn, user_id: &str) -> Result<Vec<Identity>, sqlx::Error> {
    sqlx::query_as(concat!(columns!(), "WHERE i.user_id = $1 ORDER BY i.id LIMIT 200"))
        .bind(user_id)
        .fetch_all(c)
        .await
}

/// The identity with this id of this user.
pub async fn by_id(c: &mut DbConn, user_id: &str, id: &str) -> Result<Option<Identity>, sqlx::Error> {
    sqlx::query_as(concat!(columns!(), "WHERE i.user_id = $1 AND i.id = $2"))
        .bind(user_id)
        .bind(id)
        .fetch_optional(c)
        .await
}

/// Whose identity a subject is at a connection.
pub async fn of_subject(
    c: &mut DbConn,
    connection_id: &str,
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

/// Whose these subjects of one issuer are, at a connection: user ids by subject.
pub async fn of_subjects(
    c: &mut DbConn,
    connection_id: &str,
    issuer: &str,
    subjects: &[String],
) -> Result<HashMap<String, String>, sqlx::Error> {
    let head = "SELECT subject, user_id FROM user_identities WHERE connection_id = $1 AND issuer = $2 AND subject IN";
    lookup_map(c, head, &[connection_id, issuer], subjects).await
}

/// Gives many subjects of one issuer, which the caller has found to be nobody's, to users: (user id, subject, name).
/// Without an event for each: whoever synchronises a directory writes one.
pub async fn link_many(
    tx: &mut Tx,
    account_id: &str,
    connection_id: &str,
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

/// Gives a subject to a user; false when it belongs to somebody.
pub(super) async fn insert(
    tx: &mut Tx,
    user: &User,
    connection_id: &str,
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
