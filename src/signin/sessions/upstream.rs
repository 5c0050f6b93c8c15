//! Sessions that came from an identity provider, which may end them.

use serde_json::json;

use crate::audit::{self, Action, Context, Event};
use crate::kernel::database::{Conditions, DbConn};
use crate::kernel::{ConnectionId, Tx, UserId};

/// The session at the identity provider that a session of ours came from.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UpstreamSession {
    /// The connection.
    pub connection_id: ConnectionId,
    /// The provider's session identifier.
    pub provider_session: Option<String>,
    /// What the protocol needs to identify the user in a logout request, as JSON.
    pub provider_detail: String,
}

/// The upstream session of the session with this id, if it came from a provider that supports logout.
pub async fn upstream_session_of(
    c: &mut DbConn,
    session_id: &str,
) -> Result<Option<UpstreamSession>, sqlx::Error> {
    sqlx::query_as(
        "SELECT connection_id, provider_session, provider_detail FROM sessions \
         WHERE id = $1 AND connection_id IS NOT NULL AND provider_detail IS NOT NULL",
    )
    .bind(session_id)
    .fetch_optional(c)
    .await
}

#[derive(sqlx::FromRow)]
struct EndedSession {
    id: String,
    user_id: UserId,
    user_name: String,
}

/// Ends the sessions that came from a connection for the provider's `subject`: those with a provider
/// session in `named`, or all if `named` is empty. Without a subject, ends those in `named` for any user.
/// Ends at most 1000 sessions and returns how many.
pub async fn revoke_by_provider(
    tx: &mut Tx,
    context: &Context,
    connection_id: &ConnectionId,
    subject: Option<&str>,
    named: &[String],
) -> Result<u64, sqlx::Error> {
    let mut all = Conditions::default();
    all.text("s.account_id = ?", &context.account_id);
    all.text("s.connection_id = ?", connection_id);
    if let Some(subject) = subject {
        all.text("s.provider_subject = ?", subject);
    } else if named.is_empty() {
        return Ok(0);
    }
    if !named.is_empty() {
        all.texts("s.provider_session IN (?)", named);
    }
    let head = "SELECT s.id, s.user_id, u.user_name FROM sessions s JOIN users u ON u.id = s.user_id";
    let found: Vec<EndedSession> =
        all.bind_as(all.sql(head, "ORDER BY s.id LIMIT 1000")).fetch_all(&mut **tx).await?;
    let mut ended = 0;
    for session in found {
        ended += super::store::delete(tx, &session.user_id, &session.id).await?;
        let event = Event::new(Action::SignOut, "user", &session.user_id, &session.user_name);
        audit::record(tx, context, event.detail(json!({"connection": connection_id}))).await?;
    }
    Ok(ended)
}
