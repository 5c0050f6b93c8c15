//! A sign-in that has not proved anything yet, carried by the browser instead of a row, and bound to its
//! cookie, so that it is of no use elsewhere. Whoever types names into the sign-in page writes nothing here.

use serde::{Deserialize, Serialize};

use super::advance::{Begin, LIFETIME};
use super::model::Flow;
use crate::kernel::{Kernel, tickets, tokens, vault};

/// What tells a ticket from the id of a row.
pub(super) const MARK: &str = "t.";

#[derive(Serialize, Deserialize)]
struct Content {
    account_id: Option<String>,
    identifier: String,
    return_to: String,
}

fn bound_to(browser: &str) -> String {
    format!("signin_ticket/{}", tokens::hash(browser))
}

/// Begins a sign-in without a row; its id is what the browser carries as `flow`.
///
/// # Errors
/// The vault's.
pub fn issue(kernel: &Kernel, begin: Begin<'_>) -> Result<Flow, vault::Error> {
    let account_id = begin.account_id.map(str::to_owned);
    let (identifier, return_to) = (begin.identifier.to_owned(), begin.return_to.to_owned());
    let content = Content {
        account_id: account_id.clone(),
        identifier: identifier.clone(),
        return_to: return_to.clone(),
    };
    let ticket = tickets::issue(kernel, &bound_to(begin.browser), content, LIFETIME)?;
    Ok(Flow::from_ticket(&format!("{MARK}{ticket}"), account_id, identifier, return_to))
}

/// Whether this names a ticket, not a row.
pub(super) fn is_ticket(id: &str) -> bool {
    id.starts_with(MARK)
}

/// The flow a ticket stands for; none when it was altered, is another browser's, or is over.
pub(super) async fn redeem(kernel: &Kernel, id: &str, browser: &str) -> Result<Option<Flow>, sqlx::Error> {
    let Some(ticket) = id.strip_prefix(MARK) else { return Ok(None) };
    let opened = tickets::open::<Content>(kernel, &bound_to(browser), ticket).await?;
    Ok(opened.map(|ticket| {
        let Content { account_id, identifier, return_to } = ticket.content;
        Flow::from_ticket(id, account_id, identifier, return_to)
    }))
}
