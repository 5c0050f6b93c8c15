//! Signing in through an identity provider: the request that the browser takes there, and the proof that comes back.

use std::time::Duration;

use super::model::Flow;
use super::store::{self, NewFlow};
use crate::kernel::database::DbConn;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::kernel::{Kernel, Timestamp, Tx};
use crate::signin::{Proof, SignInAttempt, SignInError, SignInOutcome};

/// How long a sign-in that an identity provider began may take from its POST to our redirect.
const UNSOLICITED_LIFETIME: Duration = Duration::from_mins(1);

/// Remembers that the flow's browser was sent to `connection_id` with the request `request_id`.
pub async fn record_request(
    tx: &mut Tx,
    flow_id: &str,
    connection_id: &str,
    request_id: &str,
) -> Result<(), sqlx::Error> {
    store::record_request(tx, flow_id, connection_id, request_id).await
}

/// Whether a flow waits for the answer to this request to a connection's provider.
pub async fn has_pending_request(
    c: &mut DbConn,
    connection_id: &str,
    request_id: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    store::has_pending_request(c, connection_id, request_id, now).await
}

/// How a proof was delivered.
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

/// Finds the flow with a delivered proof to go on with; the text of `signin::flow` says why it takes two secrets.
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
    /// Applies the account's rules to the proof that was delivered to the flow, and begins the session or asks for
    /// what is missing.
    pub async fn complete(&self, proof: Proof) -> Result<SignInOutcome, SignInError> {
        self.complete_proof(proof, None, None).await
    }
}
