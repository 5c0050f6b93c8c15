//! A sign-in that has not proved anything yet, carried by the browser instead of a row: sealed, so that it
//! cannot be altered or read; bound to the browser's cookie, so that it is of no use elsewhere; and over
//! after a quarter of an hour. Whoever types names into the sign-in page writes nothing here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::advance::{Begin, LIFETIME};
use super::model::Flow;
use crate::kernel::tokens;
use crate::kernel::vault;
use crate::kernel::{Kernel, Timestamp};

/// What tells a ticket from the id of a row.
const MARK: &str = "t.";

#[derive(Serialize, Deserialize)]
struct Content {
    account_id: Option<String>,
    identifier: String,
    return_to: String,
    expires_at: i64,
}

fn bound_to(browser: &str) -> String {
    format!("signin_ticket/{}", tokens::hash(browser))
}

/// Begins a sign-in without a row; its id is what the browser carries as `flow`.
///
/// # Errors
/// The vault's.
pub fn issue(kernel: &Kernel, begin: Begin<'_>) -> Result<Flow, vault::Error> {
    let content = Content {
        account_id: begin.account_id.map(str::to_owned),
        identifier: begin.identifier.to_owned(),
        return_to: begin.return_to.to_owned(),
        expires_at: kernel.clock.now().plus(LIFETIME).0,
    };
    let plain = serde_json::to_vec(&content).map_err(|_| vault::Error::Damaged)?;
    let sealed = kernel.vault.seal(&bound_to(begin.browser), &plain)?;
    let ticket = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(sealed));
    Ok(Flow::from_ticket(&ticket, content.account_id, content.identifier, content.return_to))
}

/// Whether this names a ticket, not a row.
pub(super) fn is_ticket(id: &str) -> bool {
    id.starts_with(MARK)
}

/// The flow a ticket stands for; none when it was altered, is another browser's, or is over.
pub(super) async fn redeem(
    kernel: &Kernel,
    ticket: &str,
    browser: &str,
) -> Result<Option<Flow>, sqlx::Error> {
    let sealed = ticket.strip_prefix(MARK).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let Some(sealed) = sealed.and_then(|bytes| String::from_utf8(bytes).ok()) else { return Ok(None) };
    let plain = match kernel.vault.open_sealed(&bound_to(browser), &sealed).await {
        Ok(plain) => plain,
        Err(vault::Error::Database(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    let Ok(content) = serde_json::from_slice::<Content>(&plain) else { return Ok(None) };
    if Timestamp(content.expires_at) <= kernel.clock.now() {
        return Ok(None);
    }
    Ok(Some(Flow::from_ticket(ticket, content.account_id, content.identifier, content.return_to)))
}
