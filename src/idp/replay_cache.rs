//! Message ids that must not be accepted twice.

use crate::kernel::{ConnectionId, Timestamp, Tx};

/// Stores a message id until `until`, by when the message should be refused for its age. Returns false if it
/// was stored before.
pub(super) async fn insert(
    tx: &mut Tx,
    connection_id: &ConnectionId,
    message_id: &str,
    until: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO saml_replays (connection_id, assertion_id, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(connection_id)
    .bind(message_id)
    .bind(until)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
