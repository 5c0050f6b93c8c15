//! Ending a token, at once or when its replacement has taken over.

use serde_json::json;

use super::model::ApiToken;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::{Timestamp, Tx};

/// Revokes `token` at once. Has no effect, and leaves no event, when it was revoked before.
pub async fn revoke(tx: &mut Tx, context: &Context, token: &ApiToken) -> Result<(), sqlx::Error> {
    if !store::revoke(tx, &context.account_id, &token.id).await? {
        return Ok(());
    }
    audit::record(tx, context, Event::new(Action::TokenRevoke, "api_token", &token.id, &token.name)).await
}

/// Limits `token` to `end`, because a replacement was issued. An earlier expiry stays as it is.
pub async fn expire(
    tx: &mut Tx,
    context: &Context,
    token: &ApiToken,
    end: Timestamp,
) -> Result<(), sqlx::Error> {
    if token.expires_at.is_some_and(|before| before <= end) {
        return Ok(());
    }
    store::expire(tx, &context.account_id, &token.id, end).await?;
    let event = Event::new(Action::TokenExpire, "api_token", &token.id, &token.name);
    audit::record(tx, context, event.detail(json!({"expires_at": end}))).await
}
