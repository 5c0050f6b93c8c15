//! SQL of the audit trail.

use sqlx::Row as _;

use super::model::{Action, AuditQuery, AuditRecord, AuditRecordPage, Context, EntityRef, Event};
use crate::kernel::database::{DbConn, NewRow, SqlRow, SqlValue, insert_all};
use crate::kernel::{AccountId, Timestamp, Tx, ids};

const INSERT_EVENT: &str = "INSERT INTO audit_events (id, account_id, time, actor_kind, actor_id, actor_name, action, \
     resource_type, resource_id, resource_name, outcome, reason, address, request_id, detail)";

/// The row of an event that is written together with what it tells about.
pub(crate) fn event_row<'a>(now: Timestamp, context: &'a Context, event: Event<'a>) -> NewRow<'a> {
    let detail = event.detail.as_ref().map(ToString::to_string);
    NewRow { head: INSERT_EVENT, values: event_values(now, context, event, detail.into()) }
}

/// Its values, with the text of its details.
fn event_values<'a>(
    now: Timestamp,
    context: &'a Context,
    event: Event<'a>,
    detail: SqlValue<'a>,
) -> Vec<SqlValue<'a>> {
    vec![
        ids::new_id(now).into(),
        context.account_id.as_str().into(),
        now.into(),
        context.actor.kind.as_str().into(),
        context.actor.id.as_deref().into(),
        context.actor.name.as_str().into(),
        event.action.as_str().into(),
        event.resource_type.into(),
        event.resource_id.into(),
        event.resource_name.into(),
        event.outcome.as_str().into(),
        event.reason.into(),
        context.address.as_str().into(),
        context.request_id.as_str().into(),
        detail,
    ]
}

/// Appends `event` in this transaction.
pub async fn record(tx: &mut Tx, context: &Context, event: Event<'_>) -> Result<(), sqlx::Error> {
    let NewRow { head, values } = event_row(tx.now(), context, event);
    insert_all(tx, head, vec![values]).await
}

/// Appends an event of the same kind for each of many resources, in as few statements as possible.
pub async fn record_many(
    tx: &mut Tx,
    context: &Context,
    action: Action,
    resource_type: &'static str,
    resources: &[(String, String)],
    detail: &serde_json::Value,
) -> Result<(), sqlx::Error> {
    let (now, detail) = (tx.now(), detail.to_string());
    let rows = resources.iter().map(|(id, name)| {
        let event = Event::new(action, resource_type, id, name);
        event_values(now, context, event, detail.as_str().into())
    });
    let rows = rows.collect();
    insert_all(tx, INSERT_EVENT, rows).await
}

/// Lists events of one account, newest first.
///
/// `after` is the `next` of the previous page. An unreadable cursor starts at the first page.
pub async fn list(
    c: &mut DbConn,
    account_id: &AccountId,
    filter: &AuditQuery,
    limit: i64,
    after: Option<&str>,
) -> Result<AuditRecordPage, sqlx::Error> {
    let (time, id) = after.and_then(read_cursor).unwrap_or((i64::MAX, String::new()));
    // The time range uses the index (account_id, time, id); the other filters are applied to the rows it
    // yields.
    let rows = sqlx::query(
        "SELECT id, time, actor_kind, actor_id, actor_name, action, resource_type, resource_id, resource_name, \
         outcome, reason, address, request_id, detail FROM audit_events \
         WHERE account_id = $1 AND time >= $2 AND time < $3 AND (time < $4 OR (time = $4 AND id < $5)) \
         AND ($6 = '' OR actor_id = $6 OR actor_name = $6) AND ($7 = '' OR action = $7) \
         AND ($8 = '' OR resource_type = $8) ORDER BY time DESC, id DESC LIMIT $9",
    )
    .bind(account_id)
    .bind(filter.from.unwrap_or(Timestamp(0)))
    .bind(filter.to.unwrap_or(Timestamp(i64::MAX)))
    .bind(time)
    .bind(id)
    .bind(filter.actor.as_deref().unwrap_or_default())
    .bind(filter.action.as_deref().unwrap_or_default())
    .bind(filter.resource_type.as_deref().unwrap_or_default())
    .bind(limit + 1)
    .fetch_all(c)
    .await?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let items = rows.iter().take(limit).map(read_record).collect::<Result<Vec<_>, _>>()?;
    let next = items.last().filter(|_| rows.len() > limit).map(|last| format!("{}.{}", last.time.0, last.id));
    Ok(AuditRecordPage { items, next })
}

fn read_cursor(cursor: &str) -> Option<(i64, String)> {
    let (time, id) = cursor.split_once('.')?;
    Some((time.parse().ok()?, id.to_owned()))
}

fn read_record(row: &SqlRow) -> Result<AuditRecord, sqlx::Error> {
    let detail: Option<String> = row.try_get("detail")?;
    Ok(AuditRecord {
        id: row.try_get("id")?,
        time: row.try_get("time")?,
        actor: EntityRef {
            kind: row.try_get("actor_kind")?,
            id: row.try_get("actor_id")?,
            name: row.try_get("actor_name")?,
        },
        action: row.try_get("action")?,
        resource: EntityRef {
            kind: row.try_get("resource_type")?,
            id: row.try_get("resource_id")?,
            name: row.try_get("resource_name")?,
        },
        outcome: row.try_get("outcome")?,
        reason: row.try_get("reason")?,
        address: row.try_get("address")?,
        request_id: row.try_get("request_id")?,
        detail: detail.and_then(|text| serde_json::from_str(&text).ok()),
    })
}
