//! A flow without a proof, which the browser carries instead of a row. It is bound to the browser's cookie,
//! so that it is useless in another browser. Submitting names on the sign-in page therefore writes nothing
//! to the database.

use serde::{Deserialize, Serialize};

use super::model::{Flow, FlowStart, LIFETIME, SEALED_PREFIX};
use crate::kernel::{AccountId, Kernel, sealed_state, tokens, vault};

#[derive(Serialize, Deserialize)]
struct SealedFlow {
    account_id: Option<AccountId>,
    identifier: String,
    return_to: String,
}

fn bound_to(browser: &str) -> String {
    format!("signin_ticket/{}", tokens::hash(browser))
}

/// Starts a flow without a row. Its id is what the browser carries as `flow`.
pub fn begin_without_row(kernel: &Kernel, begin: FlowStart<'_>) -> Result<Flow, vault::Error> {
    let content = SealedFlow {
        account_id: begin.account_id.cloned(),
        identifier: begin.identifier.to_owned(),
        return_to: begin.return_to.to_owned(),
    };
    let ticket = sealed_state::issue(kernel, &bound_to(begin.browser), content, LIFETIME)?;
    Ok(Flow::from_sealed(format!("{SEALED_PREFIX}{ticket}"), begin))
}

/// Opens a flow that was sealed for this browser. Returns `None` when it was altered, belongs to another
/// browser or has expired.
pub(super) async fn open_sealed(
    kernel: &Kernel,
    id: &str,
    browser: &str,
) -> Result<Option<Flow>, sqlx::Error> {
    let Some(ticket) = id.strip_prefix(SEALED_PREFIX) else { return Ok(None) };
    let opened = sealed_state::open::<SealedFlow>(kernel, &bound_to(browser), ticket).await?;
    Ok(opened.map(|ticket| {
        let SealedFlow { account_id, identifier, return_to } = &ticket.content;
        let account_id = account_id.as_ref();
        Flow::from_sealed(id.to_owned(), FlowStart { account_id, identifier, return_to, browser })
    }))
}
