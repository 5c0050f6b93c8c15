//! Starts a flow and finds it again.

use super::model::{self, Flow, FlowStart, LIFETIME};
use super::sealed_flow;
use super::store::{self, NewFlow};
use crate::kernel::{Kernel, Tx, tokens};

/// Starts a flow in a browser and returns its id.
pub async fn begin(tx: &mut Tx, begin: FlowStart<'_>) -> Result<String, sqlx::Error> {
    let new = NewFlow {
        browser_hash: Some(tokens::hash(begin.browser)),
        account_id: begin.account_id,
        identifier: begin.identifier,
        return_to: begin.return_to,
        ..NewFlow::default()
    };
    let expires_at = tx.now().plus(LIFETIME);
    store::insert(tx, &new, expires_at).await
}

/// The flow with this id, if it began in the browser with this cookie.
pub async fn find(kernel: &Kernel, id: &str, browser: &str) -> Result<Option<Flow>, sqlx::Error> {
    if model::is_sealed(id) {
        return sealed_flow::open_sealed(kernel, id, browser).await;
    }
    let mut c = kernel.db.read().await?;
    store::of_browser(&mut c, id, &tokens::hash(browser), kernel.clock.now()).await
}

/// Gives a sealed flow a row, so that state can be stored with it, and returns the row's id.
pub async fn persist(tx: &mut Tx, flow: &Flow, browser: &str) -> Result<String, sqlx::Error> {
    if !flow.is_sealed() {
        return Ok(flow.id.clone());
    }
    let account_id = flow.account_id.as_ref();
    let (identifier, return_to) = (flow.identifier.as_str(), flow.return_to.as_str());
    begin(tx, FlowStart { account_id, identifier, return_to, browser }).await
}
