//! The transitions up to a proof.

use std::time::Duration;

use super::model::Flow;
use super::sealed_flow;
use super::store::{self, NewFlow};
use crate::kernel::database::DbConn;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::kernel::{Kernel, Timestamp, Tx};
use crate::signin::Proof;

/// How long a person has for a sign-in, including a coffee at the identity provider's page.
pub(super) const LIFETIME: Duration = Duration::from_mins(15);
/// How long a sign-in that an identity provider began may take from its POST to our redirect.
const UNSOLICITED_LIFETIME: Duration = Duration::from_mins(1);

/// What is known at the start.
#[derive(Debug, Clone, Copy)]
pub struct FlowStart<'a> {
    /// The account, when it is known.
    pub account_id: Option<&'a str>,
    /// Who they say they are.
    pub identifier: &'a str,
    /// A local path, already checked.
    pub return_to: &'a str,
    /// The secret in the browser's cookie.
    pub browser: &'a str,
}

/// Begins a flow in a browser; returns its id.
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

/// The flow with this id or ticket, if it began in the browser with this cookie.
pub async fn find(kernel: &Kernel, id: &str, browser: &str) -> Result<Option<Flow>, sqlx::Error> {
    if sealed_flow::is_sealed(id) {
        return sealed_flow::open_sealed(kernel, id, browser).await;
    }
    let mut c = kernel.db.read().await?;
    store::of_browser(&mut c, id, &tokens::hash(browser), kernel.clock.now()).await
}

/// Gives a flow that was carried by the browser a row, before something has to be remembered with it;
/// returns the row's id.
pub async fn persist(tx: &mut Tx, flow: &Flow, browser: &str) -> Result<String, sqlx::Error> {
    if !sealed_flow::is_sealed(&flow.id) {
        return Ok(flow.id.clone());
    }
    let account_id = flow.account_id.as_deref();
    let (identifier, return_to) = (flow.identifier.as_str(), flow.return_to.as_str());
    begin(tx, FlowStart { account_id, identifier, return_to, browser }).await
}

/// Remembers that the flow's browser was sent to `connection_id` with the request `request_id`.
pub async fn record_request(
    tx: &mut Tx,
    flow_id: &str,
    connection_id: &str,
    request_id: &str,
) -> Result<(), sqlx::Error> {
    store::record_request(tx, flow_id, connection_id, request_id).await
}

/// Whether a flow waits for the answer to this request of a connection.
pub async fn has_pending_request(
    c: &mut DbConn,
    request: (&str, &str),
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    store::has_pending_request(c, request, now).await
}

/// How a proof came.
#[derive(Debug, Clone, Copy)]
pub enum ProofDelivery<'a> {
    /// As the answer to the request with this id.
    SpInitiated(&'a str),
    /// The identity provider began the sign-in, and the caller has made sure that the connection allows that.
    IdpInitiated {
        /// A local path, already checked.
        return_to: &'a str,
    },
}

/// Takes a verified proof from a protocol's callback and returns the hand-over code for the browser
/// that brought it. `None` when no open flow asked for it.
pub async fn deliver_proof(
    tx: &mut Tx,
    account_id: &str,
    connection_id: &str,
    delivery: ProofDelivery<'_>,
    proof: &Proof,
) -> Result<Option<String>, sqlx::Error> {
    let handover = OpaqueToken::generate(OpaqueTokenKind::Handover);
    let proof = serde_json::to_string(proof).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let kept = match delivery {
        ProofDelivery::SpInitiated(request_id) => {
            store::attach_proof(tx, connection_id, request_id, &proof, &handover.hash).await?
        }
        ProofDelivery::IdpInitiated { return_to } => {
            let new = NewFlow {
                handover_hash: Some(&handover.hash),
                account_id: Some(account_id),
                return_to,
                connection_id: Some(connection_id),
                proof: Some(proof),
                ..NewFlow::default()
            };
            let expires_at = tx.now().plus(UNSOLICITED_LIFETIME);
            store::insert(tx, &new, expires_at).await?;
            true
        }
    };
    Ok(kept.then_some(handover.secret))
}

/// Finds the proved flow to carry on with; see the module's text for why it takes two secrets.
pub async fn resume(
    kernel: &Kernel,
    handover: &str,
    browser: Option<&str>,
) -> Result<Option<Flow>, sqlx::Error> {
    let browser = browser.map(tokens::hash).unwrap_or_default();
    let mut c = kernel.db.read().await?;
    store::by_handover(&mut c, &tokens::hash(handover), &browser, kernel.clock.now()).await
}
