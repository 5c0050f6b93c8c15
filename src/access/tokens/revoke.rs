//! Ending a token.

use super::model::Token;
use super::store;
use crate::audit::{self, Action, Context, Event};
use crate::kernel::Tx;

/// Ends `token` at once. Ending it twice is ending it once.
///
/// # Errors
/// The database's.
pub async fn revoke(tx: &mut Tx, context: &Context, token: &Token) -> Result<(), sqlx::Error> {
    if !store::revoke(tx, &context.account_id, &token.id).await? {
        return Ok(());
    }
    audit::record(tx, context, Event::new(Action::TokenRevoke, "api_token", &token.id, &token.name)).await
}
