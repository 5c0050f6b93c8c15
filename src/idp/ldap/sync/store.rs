//! SQL of directory sync: schedules with leases, runs, and change markers of groups.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;

use super::model::{SyncOptions, SyncReport, SyncRun};
use crate::idp::connections::Connection;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, GroupId, Timestamp, Tx, ids};

/// The duration of a lease. A node that does not renew it in time loses it.
pub(super) const LEASE: Duration = Duration::from_mins(1);
/// The delay of a run that this version cannot read, so that a newer node may take it.
const POSTPONED_BY: Duration = Duration::from_mins(1);
/// The number of runs that are kept for each connection.
const RUNS_KEPT: i64 = 50;

pub(super) async fn set_next_run(
    tx: &mut Tx,
    connection: &Connection,
    next: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    let Some(next) = next else {
        sqlx::query("DELETE FROM ldap_schedules WHERE connection_id = $1")
            .bind(&connection.id)
            .execute(&mut **tx)
            .await?;
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO ldap_schedules (connection_id, account_id, next_at) VALUES ($1, $2, $3) \
         ON CONFLICT (connection_id) DO UPDATE SET next_at = excluded.next_at",
    )
    .bind(&connection.id)
    .bind(&connection.account_id)
    .bind(next)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// When the next run of a connection is due.
pub async fn next_run_at(
    c: &mut DbConn,
    connection_id: &ConnectionId,
) -> Result<Option<Timestamp>, sqlx::Error> {
    sqlx::query_scalar("SELECT next_at FROM ldap_schedules WHERE connection_id = $1")
        .bind(connection_id)
        .fetch_optional(c)
        .await
}

/// Requests a run as soon as a node is free. Returns false if the directory is not synchronised.
pub async fn request_run(
    tx: &mut Tx,
    connection: &Connection,
    options: &SyncOptions,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query("UPDATE ldap_schedules SET next_at = $1, wanted = $2 WHERE connection_id = $3")
        .bind(now)
        .bind(json!(options).to_string())
        .bind(&connection.id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a run is due whose lease is free.
pub(super) async fn is_due(c: &mut DbConn, now: Timestamp) -> Result<bool, sqlx::Error> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT connection_id FROM ldap_schedules WHERE next_at <= $1 AND lease_until <= $1 LIMIT 1",
    )
    .bind(now)
    .fetch_optional(c)
    .await?;
    Ok(found.is_some())
}

/// A run whose lease this node holds.
pub(super) struct SyncLease {
    pub(super) account_id: AccountId,
    pub(super) connection_id: ConnectionId,
    /// The requested options as stored; `None` for a scheduled run.
    wanted: Option<String>,
    /// Whether an upgrade has put the connection on a schedule, and no run is planned yet.
    pub(super) is_unplanned: bool,
    pub(super) token: String,
}

impl SyncLease {
    /// The requested options, or the defaults for a scheduled run.
    pub(super) fn options(&self) -> Result<SyncOptions, serde_json::Error> {
        self.wanted.as_deref().map_or_else(|| Ok(SyncOptions::default()), serde_json::from_str)
    }
}

/// Acquires the lease of the run that has been due the longest.
pub(super) async fn acquire_lease(tx: &mut Tx) -> Result<Option<SyncLease>, sqlx::Error> {
    let now = tx.now();
    let due: Option<(ConnectionId, AccountId, Option<String>, Timestamp)> = sqlx::query_as(
        "SELECT connection_id, account_id, wanted, next_at FROM ldap_schedules \
         WHERE next_at <= $1 AND lease_until <= $1 ORDER BY next_at LIMIT 1",
    )
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((connection_id, account_id, wanted, next_at)) = due else { return Ok(None) };
    let token = ids::new_id(now);
    // If two nodes find the same run, only one of them finds the lease free.
    let done = sqlx::query(
        "UPDATE ldap_schedules SET lease = $1, lease_until = $2 WHERE connection_id = $3 AND lease_until <= $4",
    )
    .bind(&token)
    .bind(now.plus(LEASE))
    .bind(&connection_id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let is_unplanned = next_at == Timestamp(0);
    let lease = SyncLease { account_id, connection_id, wanted, is_unplanned, token };
    Ok((done.rows_affected() == 1).then_some(lease))
}

/// Postpones a run that this node cannot do, so that other runs are not blocked. The requested options are
/// kept.
pub(super) async fn postpone_run(tx: &mut Tx, lease: &SyncLease) -> Result<(), sqlx::Error> {
    let next = tx.now().plus(POSTPONED_BY);
    sqlx::query(
        "UPDATE ldap_schedules SET lease = NULL, lease_until = 0, next_at = $1 WHERE connection_id = $2 AND lease = $3",
    )
    .bind(next)
    .bind(&lease.connection_id)
    .bind(&lease.token)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// Renews the lease. Returns false if this node no longer holds it.
pub(super) async fn renew_lease(tx: &mut Tx, lease: &SyncLease) -> Result<bool, sqlx::Error> {
    let until = tx.now().plus(LEASE);
    let done =
        sqlx::query("UPDATE ldap_schedules SET lease_until = $1 WHERE connection_id = $2 AND lease = $3")
            .bind(until)
            .bind(&lease.connection_id)
            .bind(&lease.token)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Releases the lease and plans the next run. A request with other options that arrived meanwhile stays due
/// at once; one with the same options counts as done.
pub(super) async fn release_lease(
    tx: &mut Tx,
    lease: &SyncLease,
    next: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    let asked = lease.wanted.clone().unwrap_or_else(|| json!(SyncOptions::default()).to_string());
    sqlx::query(
        "UPDATE ldap_schedules SET lease = NULL, lease_until = 0, \
         next_at = CASE WHEN wanted IS NULL OR wanted = $1 THEN $2 ELSE next_at END, \
         wanted = CASE WHEN wanted = $1 THEN NULL ELSE wanted END WHERE connection_id = $3 AND lease = $4",
    )
    .bind(asked)
    .bind(next.unwrap_or(Timestamp(i64::MAX)))
    .bind(&lease.connection_id)
    .bind(&lease.token)
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(super) async fn insert_run(
    tx: &mut Tx,
    lease: &SyncLease,
    report: &SyncReport,
) -> Result<String, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    // A run may still be marked as running because its node was killed.
    sqlx::query(
        "UPDATE ldap_runs SET status = 'failed', ended_at = $1 WHERE connection_id = $2 AND status = 'running'",
    )
    .bind(now)
    .bind(&lease.connection_id)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT INTO ldap_runs (id, account_id, connection_id, status, report, started_at) \
         VALUES ($1, $2, $3, 'running', $4, $5)",
    )
    .bind(&id)
    .bind(&lease.account_id)
    .bind(&lease.connection_id)
    .bind(json!(report).to_string())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

pub(super) async fn update_run(
    tx: &mut Tx,
    id: &str,
    status: &str,
    report: &SyncReport,
) -> Result<(), sqlx::Error> {
    let ended = (status != "running").then_some(tx.now());
    sqlx::query("UPDATE ldap_runs SET status = $1, report = $2, ended_at = $3 WHERE id = $4")
        .bind(status)
        .bind(json!(report).to_string())
        .bind(ended)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// The run with this id of this connection.
pub async fn run_by_id(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    id: &str,
) -> Result<Option<SyncRun>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, status, report, started_at, ended_at FROM ldap_runs WHERE connection_id = $1 AND id = $2",
    )
    .bind(connection_id)
    .bind(id)
    .fetch_optional(c)
    .await
}

/// The most recent runs of a connection, newest first, at most `limit`.
pub async fn latest_runs(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    limit: i64,
) -> Result<Vec<SyncRun>, sqlx::Error> {
    sqlx::query_as(
        "SELECT id, status, report, started_at, ended_at FROM ldap_runs WHERE connection_id = $1 \
         ORDER BY id DESC LIMIT $2",
    )
    .bind(connection_id)
    .bind(limit)
    .fetch_all(c)
    .await
}

/// Deletes all but the most recent runs of a connection.
pub(super) async fn delete_old(tx: &mut Tx, connection_id: &ConnectionId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM ldap_runs WHERE connection_id = $1 AND id < (SELECT MIN(id) FROM \
         (SELECT id FROM ldap_runs WHERE connection_id = $1 ORDER BY id DESC LIMIT $2) AS kept)",
    )
    .bind(connection_id)
    .bind(RUNS_KEPT)
    .execute(&mut **tx)
    .await
    .map(drop)
}

/// The change markers of a connection's groups when they were last read, by group id.
pub(super) async fn change_markers(
    c: &mut DbConn,
    connection_id: &ConnectionId,
) -> Result<HashMap<GroupId, String>, sqlx::Error> {
    let rows: Vec<(GroupId, String)> =
        sqlx::query_as("SELECT group_id, stamp FROM ldap_groups WHERE connection_id = $1")
            .bind(connection_id)
            .fetch_all(c)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Forgets the change markers of a connection's groups, so that the next run reads all of them.
pub(super) async fn delete_change_markers(
    tx: &mut Tx,
    connection_id: &ConnectionId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM ldap_groups WHERE connection_id = $1")
        .bind(connection_id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn set_change_marker(
    tx: &mut Tx,
    connection_id: &ConnectionId,
    group_id: &GroupId,
    stamp: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO ldap_groups (group_id, connection_id, stamp) VALUES ($1, $2, $3) \
         ON CONFLICT (group_id) DO UPDATE SET stamp = excluded.stamp, connection_id = excluded.connection_id",
    )
    .bind(group_id)
    .bind(connection_id)
    .bind(stamp)
    .execute(&mut **tx)
    .await
    .map(drop)
}
