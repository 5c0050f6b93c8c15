//! Sign-in through an identity provider: the request that the browser takes there, and the proof that comes
//! back.

use std::time::Duration;

use super::model::{Flow, PendingRequest, ProviderRequest};
use super::store::{self, NewFlow};
use crate::kernel::database::DbConn;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::kernel::{AccountId, ConnectionId, Kernel, Timestamp, Tx};
use crate::signin::{Proof, SignInAttempt, SignInError, SignInOutcome};

/// How long an IdP-initiated sign-in may take from the POST to our redirect.
const UNSOLICITED_LIFETIME: Duration = Duration::from_mins(1);

/// Records that the flow's browser was sent to a provider with this request.
pub async fn record_request(
    tx: &mut Tx,
    flow_id: &str,
    request: ProviderRequest<'_>,
) -> Result<(), sqlx::Error> {
    store::record_request(tx, flow_id, request).await
}

/// The request with this id to a connection's provider, if a flow waits for the response.
pub async fn find_pending_request(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    request_id: &str,
    now: Timestamp,
) -> Result<Option<PendingRequest>, sqlx::Error> {
    store::find_pending_request(c, connection_id, request_id, now).await
}

/// How a proof was delivered.
#[derive(Debug, Clone, Copy)]
pub enum ProofDelivery<'a> {
    /// As the response to the request with this id.
    SpInitiated(&'a str),
    /// By the identity provider without a request. The caller has checked that the connection allows that.
    IdpInitiated {
        /// A local path, already validated.
        return_to: &'a str,
    },
}

/// Stores a verified proof from a protocol's callback and returns the hand-over code for the browser that
/// delivered it. Returns `None` when no open flow requested the proof.
pub async fn deliver_proof(
    tx: &mut Tx,
    account_id: &AccountId,
    connection_id: &ConnectionId,
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

/// Finds the flow with a delivered proof. The module text of `signin::flow` explains why this takes two
/// secrets.
pub async fn resume(
    kernel: &Kernel,
    handover: &str,
    browser: Option<&str>,
) -> Result<Option<Flow>, sqlx::Error> {
    let browser = browser.map(tokens::hash).unwrap_or_default();
    let mut c = kernel.db.read().await?;
    store::by_handover(&mut c, &tokens::hash(handover), &browser, kernel.clock.now()).await
}

impl SignInAttempt<'_> {
    /// Applies the account's rules to the proof that was delivered to the flow, and creates the session or
    /// determines the missing step.
    pub async fn complete(&self, proof: Proof) -> Result<SignInOutcome, SignInError> {
        self.complete_proof(proof, None, None).await
    }
}
