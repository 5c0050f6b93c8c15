//! What a browser carries for us: sealed, so that it cannot be read or altered; bound to what it is for; and
//! over after a while. Nothing is written for somebody who only looks at a page.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Kernel, Timestamp, Tx, ids, vault};

/// What was in a ticket.
#[derive(Debug, Serialize, Deserialize)]
pub struct SealedState<T> {
    id: String,
    expires_at: i64,
    /// What it carries.
    pub content: T,
}

/// Seals `content` for a browser. `bound_to` must be given again to open it; name the purpose and the owner.
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

/// Opens a ticket; none when it was altered, is somebody else's, or is over.
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
    /// Uses the ticket up, on all nodes; false when it was used before.
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

/// Forgets tickets that are over anyway.
pub async fn delete_expired(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query("DELETE FROM spent_tickets WHERE expires_at <= $1")
        .bind(now)
        .execute(&mut **tx)
        .await
        .map(drop)
}
