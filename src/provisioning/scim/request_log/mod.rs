//! The request log: what provisioning clients requested and what the response was. It helps administrators
//! who set up a connection or investigate what happened to a user. It is not an audit trail: rows are written
//! after the response and deleted after some days.

mod advice;
mod model;
mod store;

use super::model::Provisioner;
use super::trace::AttributeChange;
use crate::directory::fold_case;
use crate::kernel::write_behind::Row;
use crate::kernel::{Kernel, ids};

pub(super) use model::RequestLogEntry;
pub use model::{Logged, ScimLogQuery};
pub use store::{delete_expired, delete_for_connection, list};

/// The limit on a name or an id, in characters.
const MAX_NAME_CHARS: usize = 320;
/// The limit on a path or a note, in characters.
const MAX_TEXT_CHARS: usize = 500;
/// The limit on the members by which a request can be found.
const MAX_MEMBERS: usize = 1000;
/// The limit on the recorded changes, in bytes.
const MAX_CHANGES_BYTES: usize = 16 * 1024;

/// Queues an entry to be written.
pub(super) async fn append(kernel: &Kernel, client: &Provisioner, request_id: &str, entry: RequestLogEntry) {
    let now = kernel.clock.now();
    let id = ids::new_id(now);
    let RequestLogEntry { method, path, status, duration: took, trace, error } = entry;
    let changes = changes(trace.changes, client.settings.log_values);
    let (note, scim_type) = match &error {
        Some(error) => (error.detail.clone(), error.scim_type.map_or("", vestibule_scim::ScimType::as_str)),
        None => (trace.note, ""),
    };
    let subject = truncate_text(&trace.subject, MAX_NAME_CHARS);
    let mut members = trace.member_ids;
    members.sort_unstable();
    members.dedup();
    let cells = vec![
        id.clone().into(),
        client.account_id().to_owned().into(),
        client.connection_id.clone().into(),
        now.into(),
        method.into(),
        truncate_text(&path, MAX_TEXT_CHARS).into(),
        i64::from(status).into(),
        i64::try_from(took.as_micros()).unwrap_or(i64::MAX).into(),
        fold_case(&subject).into(),
        subject.into(),
        truncate_text(&trace.resource_id, MAX_NAME_CHARS).into(),
        truncate_text(&note, MAX_TEXT_CHARS).into(),
        scim_type.into(),
        changes.into(),
        request_id.to_owned().into(),
    ];
    let mut rows = vec![Row { head: store::INSERT, values: cells }];
    rows.extend(members.into_iter().take(MAX_MEMBERS).map(|member| Row {
        head: store::INSERT_MEMBER,
        values: vec![client.connection_id.clone().into(), member.into(), id.clone().into()],
    }));
    kernel.write_behind.add(rows).await;
}

/// Truncates a text and removes NULs. PostgreSQL refuses a text with a NUL, and one such text would lose all
/// rows that are written in the same batch.
fn truncate_text(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

/// The changes as JSON. Values are omitted when the connection does not log them or when they exceed the
/// limit.
fn changes(changes: Vec<AttributeChange>, with_values: bool) -> String {
    if changes.is_empty() {
        return "[]".to_owned();
    }
    let masked = |changes: Vec<AttributeChange>| {
        changes.into_iter().map(AttributeChange::without_values).collect::<Vec<_>>()
    };
    if !with_values {
        return serde_json::json!(masked(changes)).to_string();
    }
    let whole = serde_json::json!(changes).to_string();
    if whole.len() > MAX_CHANGES_BYTES { serde_json::json!(masked(changes)).to_string() } else { whole }
}
