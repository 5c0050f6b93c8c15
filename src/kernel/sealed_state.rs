//! State that the browser carries for the server: encrypted and authenticated, bound to its purpose, and
//! valid for a limited time. Nothing is stored until it is consumed, so that merely opening a page does not
//! write to the database.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Kernel, Timestamp, Tx, ids, vault};

/// Opened state.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealedState<T> {
    id: String,
    expires_at: i64,
    /// The content that was sealed.
    pub content: T,
}

/// Seals `content` for a browser. `bound_to` names the purpose and the owner; [`open`] must be
/// given the same.
pub fn issue<T: Serialize>(
    kernel: &Kernel,
    bound_to: &str,
    content: T,
    lifetime: Duration,
) -> Result<String, vault::Error> {
    let now = kernel.clock.now();
    let ticket = SealedState { id: ids::new_id(now), expires_at: now.plus(lifetime).0, content };
    let plain = serde_json::to_vec(&ticket).map_err(|_| vault::Error::Damaged)?;
    Ok(URL_SAFE_NO_PAD.encode(kernel.vault.seal(bound_to, &plain)?))
}

/// Opens sealed state; returns `None` when it was altered, was issued for another purpose or owner, or has
/// expired.
pub async fn open<T: DeserializeOwned>(
    kernel: &Kernel,
    bound_to: &str,
    ticket: &str,
) -> Result<Option<SealedState<T>>, sqlx::Error> {
    let sealed = URL_SAFE_NO_PAD.decode(ticket).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(sealed) = sealed else { return Ok(None) };
    let plain = match kernel.vault.open_sealed(bound_to, &sealed).await {
        Ok(plain) => plain,
        Err(vault::Error::Database(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    let opened = serde_json::from_slice::<SealedState<T>>(&plain).ok();
    Ok(opened.filter(|ticket| Timestamp(ticket.expires_at) > kernel.clock.now()))
}

impl<T> SealedState<T> {
    /// Marks the state as used, for all nodes; returns false when it had been used before.
    pub async fn consume(&self, tx: &mut Tx) -> Result<bool, sqlx::Error> {
        let done =
            sqlx::query("INSERT INTO spent_tickets (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(&self.id)
                .bind(self.expires_at)
                .execute(&mut **tx)
                .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Deletes the markers of expired states, which cannot be opened any more.
pub async fn delete_expired(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("DELETE FROM spent_tickets WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}
