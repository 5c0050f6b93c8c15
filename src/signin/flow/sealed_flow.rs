//! A sign-in that has not proved anything yet, carried by the browser instead of a row, and bound to its
//! cookie, so that it is of no use elsewhere. Whoever types names into the sign-in page writes nothing here.

use serde::{Deserialize, Serialize};

use super::model::Flow;
use super::start::{FlowStart, LIFETIME};
use crate::kernel::{Kernel, sealed_state, tokens, vault};

/// What tells a ticket from the id of a row.
pub(super) const SEALED_PREFIX: &str = "t.";

#[derive(Serialize, Deserialize)]
struct SealedFlow {
    account_id: Option<String>,
    identifier: String,
    return_to: String,
}

fn bound_to(browser: &str) -> String {
    format!("signin_ticket/{}", tokens::hash(browser))
}

/// Begins a sign-in without a row; its id is what the browser carries as `flow`.
pub fn begin_without_row(kernel: &Kernel, begin: FlowStart<'_>) -> Result<Flow, vault::Error> {
    let account_id = begin.account_id.map(str::to_owned);
    let (identifier, return_to) = (begin.identifier.to_owned(), begin.return_to.to_owned());
    let content = SealedFlow {
        account_id: account_id.clone(),
        identifier: identifier.clone(),
        return_to: return_to.clone(),
    };
    let ticket = sealed_state::issue(kernel, &bound_to(begin.browser), content, LIFETIME)?;
    Ok(Flow::from_sealed(&format!("{SEALED_PREFIX}{ticket}"), account_id, identifier, return_to))
}

/// Whether this names a ticket, not a row.
pub(super) fn is_sealed(id: &str) -> bool {
    id.starts_with(SEALED_PREFIX)
}

/// The flow a ticket stands for; none when it was altered, is another browser's, or is over.
pub(super) async fn open_sealed(
    kernel: &Kernel,
    id: &str,
    browser: &str,
) -> Result<Option<Flow>, sqlx::Error> {
    let Some(ticket) = id.strip_prefix(SEALED_PREFIX) else { return Ok(None) };
    let opened = sealed_state::open::<SealedFlow>(kernel, &bound_to(browser), ticket).await?;
    Ok(opened.map(|ticket| {
        let SealedFlow { account_id, identifier, return_to } = ticket.content;
        Flow::from_sealed(id, account_id, identifier, return_to)
    }))
}
