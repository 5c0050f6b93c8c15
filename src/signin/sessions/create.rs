//! Beginning a session.

use std::time::Duration;

use super::store::{self, NewSession};
use crate::directory::accounts::SessionSettings;
use crate::directory::users::User;
use crate::kernel::http::RequestContext;
use crate::kernel::tokens::{Purpose, Token};
use crate::kernel::{Timestamp, Tx};
use crate::signin::Proof;

/// Begins a session and returns its secret for the cookie. Always a new secret: one that was known
/// before sign-in is worth nothing after it.
///
/// # Errors
/// The database's.
pub async fn create(
    tx: &mut Tx,
    user: &User,
    proof: &Proof,
    settings: &SessionSettings,
    request: &RequestContext,
) -> Result<String, sqlx::Error> {
    let token = Token::generate(Purpose::Session);
    let now = tx.now();
    let new = NewSession {
        account_id: &user.account_id,
        user_id: &user.id,
        user_epoch: user.epoch,
        hash: &token.hash,
        method: proof.method.as_str(),
        connection_id: proof.connection_id.as_deref(),
        amr: proof.amr.join(" "),
        acr: &proof.acr,
        address: request.address.to_string(),
        user_agent: &request.user_agent,
        idle_ends_at: idle_end(now, settings),
        ends_at: match settings.absolute_minutes {
            0 => Timestamp(i64::MAX),
            minutes => now.plus(Duration::from_secs(60 * u64::from(minutes))),
        },
    };
    store::insert(tx, &new).await?;
    Ok(token.secret)
}

/// When a session used at `now` ends for want of use.
pub(super) fn idle_end(now: Timestamp, settings: &SessionSettings) -> Timestamp {
    now.plus(Duration::from_secs(60 * u64::from(settings.inactivity_minutes)))
}
