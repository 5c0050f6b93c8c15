//! SQL of people who have left a directory.

use std::collections::BTreeSet;

use serde_json::json;

use crate::directory::users::User;
use crate::idp::connections::Connection;
use crate::idp::ldap::sync::entry_state::LeaverReason;
use crate::idp::ldap::sync::worker::{SyncError, SyncWorker};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx, UserId};

/// A subject of the directory and the user that it is linked to.
#[derive(sqlx::FromRow)]
pub(super) struct DirectorySubjectRow {
    pub(super) user_id: UserId,
    pub(super) subject: String,
    pub(super) query_key: Option<String>,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) active: i32,
    /// The SCIM connection that manages the user.
    pub(super) manager_id: Option<ConnectionId>,
    pub(super) roles: i64,
    pub(super) other_directories: i64,
    noted_by: Option<ConnectionId>,
    held: Option<i32>,
    user_epoch: Option<i64>,
}

/// What a sync has noted about a user who has left.
pub(super) struct NotedLeaver {
    /// The directory that the user has left.
    pub(super) connection_id: ConnectionId,
    /// Whether an administrator has to decide.
    pub(super) held: bool,
    /// The user's epoch since they were deactivated.
    pub(super) user_epoch: i64,
}

impl DirectorySubjectRow {
    pub(super) fn noted(&self) -> Option<NotedLeaver> {
        let (connection_id, held, user_epoch) = (self.noted_by.clone()?, self.held? != 0, self.user_epoch?);
        Some(NotedLeaver { connection_id, held, user_epoch })
    }
}

/// The other directories that are synchronised and have user `u`: by their last sync, or by a link since then.
macro_rules! other_directories {
    ($user:literal, $connection:literal) => {
        concat!(
            "SELECT COUNT(*) FROM user_identities o JOIN ldap_schedules s ON s.connection_id = o.connection_id \
             WHERE o.user_id = ",
            $user,
            " AND o.connection_id <> ",
            $connection,
            " AND o.ended_at IS NULL"
        )
    };
}

/// All linked subjects of a directory, in the order of users: of those who are active, and of those who are noted.
pub(super) async fn linked_subjects(
    c: &mut DbConn,
    connection: &Connection,
    issuer: &str,
) -> Result<Vec<DirectorySubjectRow>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT i.user_id, i.subject, i.query_key, i.ended_at, u.active, u.connection_id AS manager_id, \
         (SELECT COUNT(*) FROM role_bindings r WHERE r.principal_id = u.id) AS roles, (",
        other_directories!("u.id", "$2"),
        ") AS other_directories, l.connection_id AS noted_by, l.held, l.user_epoch \
         FROM user_identities i JOIN users u ON u.id = i.user_id LEFT JOIN ldap_leavers l ON l.user_id = u.id \
         WHERE i.account_id = $1 AND i.connection_id = $2 AND i.issuer = $3 \
         AND (u.active = 1 OR l.user_id IS NOT NULL) ORDER BY i.user_id"
    ))
    .bind(&connection.account_id)
    .bind(&connection.id)
    .bind(issuer)
    .fetch_all(c)
    .await
}

/// Whether another directory that is synchronised has this user.
pub(super) async fn is_in_other_directory(
    c: &mut DbConn,
    connection: &Connection,
    user: &User,
) -> Result<bool, sqlx::Error> {
    let found: i64 = sqlx::query_scalar(concat!(other_directories!("$1", "$2"), " AND o.account_id = $3"))
        .bind(&user.id)
        .bind(&connection.id)
        .bind(&user.account_id)
        .fetch_one(c)
        .await?;
    Ok(found > 0)
}

/// What a user query returned when its answer was relied on last.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct QueryRecord {
    pub(super) query_key: String,
    pub(super) found: i64,
    referrals: String,
}

impl QueryRecord {
    pub(super) fn new(query_key: String, found: i64, referrals: &BTreeSet<String>) -> Self {
        Self { query_key, found, referrals: json!(referrals).to_string() }
    }

    /// The subtrees on other servers that were left out.
    pub(super) fn referrals(&self) -> BTreeSet<String> {
        serde_json::from_str(&self.referrals).unwrap_or_default()
    }
}

/// The records of a connection's user queries.
pub(super) async fn query_records(
    c: &mut DbConn,
    connection: &Connection,
) -> Result<Vec<QueryRecord>, sqlx::Error> {
    sqlx::query_as(
        "SELECT query_key, found, referrals FROM ldap_user_queries WHERE account_id = $1 AND connection_id = $2",
    )
    .bind(&connection.account_id)
    .bind(&connection.id)
    .fetch_all(c)
    .await
}

/// Stores the records of a connection's present queries in the place of all earlier ones.
pub(super) async fn replace_query_records(
    work: &SyncWorker<'_>,
    connection: &Connection,
    records: Vec<QueryRecord>,
) -> Result<(), SyncError> {
    let mut tx = work.idp.signin.kernel.db.begin_relaxed().await?;
    sqlx::query("DELETE FROM ldap_user_queries WHERE account_id = $1 AND connection_id = $2")
        .bind(&connection.account_id)
        .bind(&connection.id)
        .execute(&mut *tx)
        .await?;
    for record in records {
        // Two queries of a connection may be the same but for the attributes that they read.
        sqlx::query(
            "INSERT INTO ldap_user_queries (connection_id, query_key, account_id, found, referrals) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(&connection.id)
        .bind(record.query_key)
        .bind(&connection.account_id)
        .bind(record.found)
        .bind(record.referrals)
        .execute(&mut *tx)
        .await?;
    }
    Ok(tx.commit().await?)
}

/// Notes that `user` has left. Returns false when that was noted before, in the same way or by another directory.
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
         WHERE ldap_leavers.held = 0 OR excluded.held = 0 OR \
         (ldap_leavers.connection_id = excluded.connection_id AND ldap_leavers.reason <> excluded.reason)",
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
