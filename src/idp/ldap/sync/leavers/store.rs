//! SQL of people who have left a directory.

use std::collections::HashMap;

use crate::directory::users::User;
use crate::idp::connections::Connection;
use crate::idp::ldap::sync::entry_state::LeaverReason;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Tx, UserId};

/// A subject of the directory and the user that it is linked to.
#[derive(sqlx::FromRow)]
pub(super) struct LinkedSubject {
    pub(super) user_id: UserId,
    pub(super) subject: String,
    pub(super) active: i32,
}

/// All linked subjects of a directory, in the order of users: of those who are active, and of those who are noted.
/// Users that a provisioning connection manages are not among them, because that connection decides about them.
pub(super) async fn linked_subjects(
    c: &mut DbConn,
    connection: &Connection,
    issuer: &str,
) -> Result<Vec<LinkedSubject>, sqlx::Error> {
    sqlx::query_as(
        "SELECT i.user_id, i.subject, u.active FROM user_identities i JOIN users u ON u.id = i.user_id \
         WHERE i.account_id = $1 AND i.connection_id = $2 AND i.issuer = $3 AND u.connection_id IS NULL \
         AND (u.active = 1 OR EXISTS (SELECT 1 FROM ldap_leavers l WHERE l.user_id = u.id)) ORDER BY i.user_id",
    )
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(issuer)
    .fetch_all(c)
    .await
}

/// What is noted about a user who has left.
#[derive(sqlx::FromRow)]
pub(super) struct LeaverRow {
    user_id: UserId,
    /// 1 while an administrator has to decide.
    pub(super) held: i32,
    /// The user's epoch since they were deactivated.
    pub(super) user_epoch: i64,
}

/// Who is noted as having left this directory, by user id.
pub(super) async fn noted(
    c: &mut DbConn,
    connection: &Connection,
) -> Result<HashMap<UserId, LeaverRow>, sqlx::Error> {
    let rows: Vec<LeaverRow> = sqlx::query_as(
        "SELECT user_id, held, user_epoch FROM ldap_leavers WHERE account_id = $1 AND connection_id = $2",
    )
    .bind(&connection.account_id)
    .bind(&connection.id)
    .fetch_all(c)
    .await?;
    Ok(rows.into_iter().map(|row| (row.user_id.clone(), row)).collect())
}

/// Notes that `user` has left. Returns false when that was noted before, in the same way.
pub(super) async fn record_leaver(
    tx: &mut Tx,
    connection: &Connection,
    user: &User,
    reason: LeaverReason,
    held: bool,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "INSERT INTO ldap_leavers (user_id, account_id, connection_id, reason, held, user_epoch, noted_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id) DO UPDATE SET \
         connection_id = excluded.connection_id, reason = excluded.reason, held = excluded.held, \
         user_epoch = excluded.user_epoch, noted_at = excluded.noted_at \
         WHERE ldap_leavers.held = 0 OR excluded.held = 0 OR ldap_leavers.reason <> excluded.reason",
    )
    .bind(&user.id)
    .bind(&user.account_id)
    .bind(&connection.id)
    .bind(reason.as_str())
    .bind(i32::from(held))
    .bind(user.epoch)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets that a user had left.
pub(super) async fn forget(tx: &mut Tx, account_id: &AccountId, user_id: &UserId) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM ldap_leavers WHERE account_id = $1 AND user_id = $2")
        .bind(account_id)
        .bind(user_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}
