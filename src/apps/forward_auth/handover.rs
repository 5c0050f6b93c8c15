//! The one-time code by which the browser takes a session over to an application's host.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::{Kernel, Tx, sealed_state, tokens, vault};

/// How long a code is valid: the time of one redirect.
const LIFETIME: Duration = Duration::from_mins(1);
const PURPOSE: &str = "application_code";

/// What a code carries, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The application.
    pub app_id: String,
    /// The host at which the code is valid.
    pub host: String,
    /// The hash of the secret of the browser on that host.
    pub browser_hash: String,
    /// The sign-in that the browser began there.
    pub attempt: String,
    /// The session that the browser has at this server.
    pub session_id: String,
}

/// A code for one redirect.
pub fn issue_code(kernel: &Kernel, handover: Handover) -> Result<String, vault::Error> {
    sealed_state::issue(kernel, PURPOSE, handover, LIFETIME)
}

/// Redeems a code, once: `None` if it has expired, was used before, or was issued for another application,
/// host or browser. A code that is presented in the wrong place stays unused.
pub async fn redeem_code(
    kernel: &Kernel,
    tx: &mut Tx,
    code: &str,
    app_id: &str,
    at: &Presented<'_>,
) -> Result<Option<Handover>, sqlx::Error> {
    let Some(opened) = sealed_state::open::<Handover>(kernel, PURPOSE, code).await? else { return Ok(None) };
    let wanted = &opened.content;
    let fits = wanted.app_id == app_id
        && wanted.host == at.host
        && tokens::constant_time_eq(&wanted.browser_hash, &tokens::hash(at.browser));
    if !fits || !opened.consume(tx).await? {
        return Ok(None);
    }
    Ok(Some(opened.content))
}

/// Where a code is presented.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The host of the request.
    pub host: &'a str,
    /// The secret of the browser on that host.
    pub browser: &'a str,
}
