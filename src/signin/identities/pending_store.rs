//! SQL of pending identities.

use crate::directory::users::User;
use crate::kernel::database::DbConn;
use crate::kernel::{ConnectionId, Timestamp, Tx, UserId};
use crate::signin::proof::ExternalSubject;

/// An identity that a provider stated for a user, and that waits for a confirmation or an approval.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PendingIdentity {
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
    /// The subject identifier.
    pub subject: String,
    is_address: i32,
    /// The identifier that the provider gave the user.
    pub name: String,
    /// When the provider stated it last.
    pub created_at: Timestamp,
    /// Until when it can be approved.
    pub expires_at: Timestamp,
}

impl PendingIdentity {
    /// The subject to link.
    #[must_use]
    pub(crate) fn external_subject(&self) -> ExternalSubject {
        ExternalSubject {
            issuer: self.issuer.clone(),
            id: self.subject.clone(),
            address_is_verified: true,
            is_address: self.is_address != 0,
        }
    }
}

macro_rules! columns {
    () => {
        "SELECT p.id, p.user_id, p.connection_id, c.name AS connection, p.issuer, p.subject, p.is_address, p.name, \
         p.created_at, p.expires_at FROM pending_identities p JOIN connections c ON c.id = p.connection_id "
    };
}

/// The pending identities of a user, the oldest first.
pub async fn pending_of_user(
    c: &mut DbConn,
    user: &User,
    now: Timestamp,
) -> Result<Vec<PendingIdentity>, sqlx::Error> {
    sqlx::query_as(concat!(
        columns!(),
        "WHERE p.account_id = $1 AND p.user_id = $2 AND p.expires_at > $3 ORDER BY p.id LIMIT 200"
    ))
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(now)
    .fetch_all(c)
    .await
}

/// The pending identity with this id, if it belongs to this user.
pub async fn pending_by_id(
    c: &mut DbConn,
    user: &User,
    id: &str,
    now: Timestamp,
) -> Result<Option<PendingIdentity>, sqlx::Error> {
    sqlx::query_as(concat!(
        columns!(),
        "WHERE p.account_id = $1 AND p.user_id = $2 AND p.id = $3 AND p.expires_at > $4"
    ))
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(id)
    .bind(now)
    .fetch_optional(c)
    .await
}

/// Stores a pending identity, or extends it. Returns whether it is new.
pub(super) async fn insert_pending(
    tx: &mut Tx,
    user: &User,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
    name: &str,
    expires_at: Timestamp,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let extended = sqlx::query(
        "UPDATE pending_identities SET name = $1, expires_at = $2 WHERE user_id = $3 AND connection_id = $4 \
         AND issuer = $5 AND subject = $6",
    )
    .bind(name)
    .bind(expires_at)
    .bind(&user.id)
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&subject.id)
    .execute(&mut **tx)
    .await?;
    if extended.rows_affected() > 0 {
        return Ok(false);
    }
    let id = tx.new_id();
    let done = sqlx::query(
        "INSERT INTO pending_identities (id, account_id, user_id, connection_id, issuer, subject, is_address, name, \
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(&user.account_id)
    .bind(&user.id)
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&subject.id)
    .bind(i32::from(subject.is_address))
    .bind(name)
    .bind(now)
    .bind(expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(super) async fn remove_pending(
    tx: &mut Tx,
    user: &User,
    connection_id: &ConnectionId,
    subject: &ExternalSubject,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM pending_identities WHERE user_id = $1 AND connection_id = $2 AND issuer = $3 AND subject = $4",
    )
    .bind(&user.id)
    .bind(connection_id)
    .bind(&subject.issuer)
    .bind(&subject.id)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes expired rows.
pub(crate) async fn delete_expired(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query("DELETE FROM pending_identities WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected())
}
