//! SQL of the request log.

use std::time::Duration;

use sqlx::Row as _;

use super::advice::advice;
use super::model::{Logged, ScimLogQuery};
use crate::idp::connections::{self, ConnectionSettings};
use crate::kernel::database::{Conditions, DbConn, SqlRow};
use crate::kernel::{AccountId, ConnectionId, Database, Timestamp, Tx};

pub(super) const INSERT: &str = "INSERT INTO scim_requests (id, account_id, connection_id, time, method, path, status, \
     micros, subject_folded, subject, resource_id, note, scim_type, changes, request_id)";
pub(super) const INSERT_MEMBER: &str =
    "INSERT INTO scim_request_members (connection_id, member_id, request_id)";

/// Rows deleted per transaction.
const DELETE_BATCH: i64 = 2000;

/// A page of a connection's log, newest first, before the request with id `before`.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    connection_id: &ConnectionId,
    filter: &ScimLogQuery,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Logged>, sqlx::Error> {
    let mut all = Conditions::default();
    all.text("account_id = ?", account_id);
    all.text("connection_id = ?", connection_id);
    if let Some(names) = &filter.names {
        // Each subquery uses an index. One condition with OR would scan the whole log. `$2` is the
        // connection.
        let about = "id IN (SELECT id FROM scim_requests WHERE connection_id = $2 AND subject_folded <> '' \
                     AND subject_folded IN (?) UNION SELECT id FROM scim_requests WHERE connection_id = $2 \
                     AND resource_id <> '' AND resource_id IN (?) UNION SELECT request_id FROM scim_request_members \
                     WHERE connection_id = $2 AND member_id IN (?))";
        all.texts(about, names);
    }
    if filter.failed_only {
        all.fixed("status >= 400");
    }
    if filter.changes_only {
        all.fixed("changes <> '[]'");
    }
    if let Some(before) = before {
        all.text("id < ?", before);
    }
    let tail = format!("ORDER BY id DESC LIMIT {limit}");
    let head = "SELECT id, time, method, path, status, micros, subject, resource_id, note, scim_type, changes, \
                request_id FROM scim_requests";
    all.bind_as(all.sql(head, &tail)).fetch_all(c).await
}

impl<'r> sqlx::FromRow<'r, SqlRow> for Logged {
    fn from_row(row: &'r SqlRow) -> Result<Self, sqlx::Error> {
        let (status, scim_type): (i64, String) = (row.try_get("status")?, row.try_get("scim_type")?);
        let changes: String = row.try_get("changes")?;
        Ok(Self {
            id: row.try_get("id")?,
            time: row.try_get("time")?,
            method: row.try_get("method")?,
            path: row.try_get("path")?,
            status,
            micros: row.try_get("micros")?,
            subject: row.try_get("subject")?,
            resource_id: row.try_get("resource_id")?,
            note: row.try_get("note")?,
            advice: advice(status, &scim_type),
            changes: serde_json::from_str(&changes).unwrap_or_default(),
            request_id: row.try_get("request_id")?,
        })
    }
}

/// Deletes one batch of expired requests of every connection; returns true while there may be more.
pub async fn delete_expired(db: &Database, now: Timestamp) -> Result<bool, sqlx::Error> {
    let mut c = db.read().await?;
    let all = connections::all_scim(&mut c).await?;
    let mut more = false;
    for connection in all {
        // The retention of an unreadable connection is unknown, so its log is kept.
        let Ok(ConnectionSettings::Scim(settings)) = connection.settings() else { continue };
        let days = settings.log_days;
        let end = now.minus(Duration::from_hours(24 * u64::from(days)));
        let oldest: Vec<(String, Timestamp)> = sqlx::query_as(
            "SELECT id, time FROM scim_requests WHERE connection_id = $1 ORDER BY id LIMIT $2",
        )
        .bind(&connection.id)
        .bind(DELETE_BATCH)
        .fetch_all(&mut *c)
        .await?;
        let past = oldest.iter().take_while(|(_, time)| *time < end);
        let Some((last, _)) = past.last() else { continue };
        // The write transaction begins only when there is something to delete.
        let mut tx = db.begin().await?;
        delete_to(&mut tx, &connection.id, last).await?;
        tx.commit().await?;
        more |= oldest.last().is_some_and(|(id, _)| id == last) && oldest.len() > 1;
    }
    Ok(more)
}

/// Deletes all requests of a connection that is being deleted.
pub async fn delete_for_connection(tx: &mut Tx, connection_id: &ConnectionId) -> Result<(), sqlx::Error> {
    // Ids are hexadecimal, so all of them sort before "g".
    delete_to(tx, connection_id, "g").await
}

async fn delete_to(tx: &mut Tx, connection_id: &ConnectionId, last: &str) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM scim_requests WHERE connection_id = $1 AND id <= $2",
        "DELETE FROM scim_request_members WHERE connection_id = $1 AND request_id <= $2",
    ] {
        sqlx::query(sql).bind(connection_id).bind(last).execute(&mut **tx).await?;
    }
    Ok(())
}
