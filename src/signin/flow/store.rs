//! SQL of sign-in flows.

use super::model::{self, Flow, NextStep, PendingRequest, ProviderRequest};
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, ConnectionId, Timestamp, Tx};
use crate::signin::Proof;

macro_rules! columns {
    () => {
        "id, account_id, identifier, return_to, connection_id, proof, demands, user_epoch, browser"
    };
}

/// A new row of `signin_flows`.
#[derive(Default)]
pub(super) struct NewFlow<'a> {
    pub(super) browser_hash: Option<String>,
    pub(super) handover_hash: Option<&'a str>,
    pub(super) account_id: Option<&'a AccountId>,
    pub(super) identifier: &'a str,
    pub(super) return_to: &'a str,
    pub(super) connection_id: Option<&'a ConnectionId>,
    pub(super) proof: Option<String>,
}

pub(super) async fn insert(
    tx: &mut Tx,
    new: &NewFlow<'_>,
    expires_at: Timestamp,
) -> Result<String, sqlx::Error> {
    let id = tx.new_id();
    sqlx::query(
        "INSERT INTO signin_flows (id, browser, handover, account_id, identifier, return_to, connection_id, proof, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&id)
    .bind(new.browser_hash.as_deref())
    .bind(new.handover_hash)
    .bind(new.account_id)
    .bind(new.identifier)
    .bind(new.return_to)
    .bind(new.connection_id)
    .bind(new.proof.as_deref())
    .bind(expires_at)
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// The flow with this id, if it began in the browser with this cookie. `browser` is the hash of the cookie.
pub(super) async fn of_browser(
    c: &mut DbConn,
    id: &str,
    browser: &str,
    now: Timestamp,
) -> Result<Option<Flow>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM signin_flows WHERE id = $1 AND browser = $2 AND expires_at > $3"
    ))
    .bind(id)
    .bind(browser)
    .bind(now)
    .fetch_optional(c)
    .await
}

pub(super) async fn record_request(
    tx: &mut Tx,
    id: &str,
    request: ProviderRequest<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE signin_flows SET connection_id = $1, request_id = $2, asked = $3 WHERE id = $4")
        .bind(request.connection_id)
        .bind(request.id)
        .bind(request.asked)
        .bind(id)
        .execute(&mut **tx)
        .await
        .map(drop)
}

/// Attaches a proof to the flow that requested it and returns whether there was one. The update clears the
/// request id, so that only the first of two responses to one request is accepted.
pub(super) async fn attach_proof(
    tx: &mut Tx,
    connection_id: &ConnectionId,
    request_id: &str,
    proof: &str,
    handover: &str,
) -> Result<bool, sqlx::Error> {
    let now = tx.now();
    let done = sqlx::query(
        "UPDATE signin_flows SET proof = $1, handover = $2, request_id = NULL \
         WHERE request_id = $3 AND connection_id = $4 AND expires_at > $5 AND proof IS NULL",
    )
    .bind(proof)
    .bind(handover)
    .bind(request_id)
    .bind(connection_id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The request with this id, if a flow waits for the response.
pub(super) async fn find_pending_request(
    c: &mut DbConn,
    connection_id: &ConnectionId,
    request_id: &str,
    now: Timestamp,
) -> Result<Option<PendingRequest>, sqlx::Error> {
    sqlx::query_as(
        "SELECT asked FROM signin_flows WHERE request_id = $1 AND connection_id = $2 AND expires_at > $3 \
         AND proof IS NULL",
    )
    .bind(request_id)
    .bind(connection_id)
    .bind(now)
    .fetch_optional(c)
    .await
}

/// The flow with a delivered proof for this hand-over code. A flow that began in a browser requires the
/// cookie of that browser; an IdP-initiated one requires none.
pub(super) async fn by_handover(
    c: &mut DbConn,
    handover: &str,
    browser: &str,
    now: Timestamp,
) -> Result<Option<Flow>, sqlx::Error> {
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM signin_flows WHERE handover = $1 AND expires_at > $2 AND (browser IS NULL OR browser = $3) \
         AND demands IS NULL"
    ))
    .bind(handover)
    .bind(now)
    .bind(browser)
    .fetch_optional(c)
    .await
}

/// A proof to store in a flow that waits for another step.
pub(super) struct PendingProof<'a> {
    pub(super) flow_id: &'a str,
    /// The step that the flow waited for until now.
    pub(super) previous_step: Option<NextStep>,
    pub(super) next_step: NextStep,
    pub(super) proof: &'a Proof,
    pub(super) user_epoch: i64,
    /// Hash of the cookie of the browser that may continue. The hand-over code is cleared.
    pub(super) browser_hash: String,
}

/// Stores the proof with the flow while it waits for a step. Returns false when another request has
/// advanced the flow in the meantime.
pub(super) async fn save_pending(
    tx: &mut Tx,
    pending: &PendingProof<'_>,
    until: Timestamp,
) -> Result<bool, sqlx::Error> {
    let proof = serde_json::to_string(pending.proof).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let done = sqlx::query(
        "UPDATE signin_flows SET proof = $1, demands = $2, user_epoch = $3, browser = $4, handover = NULL, \
         expires_at = $5 WHERE id = $6 AND COALESCE(demands, '') = $7",
    )
    .bind(proof)
    .bind(pending.next_step.as_str())
    .bind(pending.user_epoch)
    .bind(&pending.browser_hash)
    .bind(until)
    .bind(pending.flow_id)
    .bind(pending.previous_step.map_or("", NextStep::as_str))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a flow; returns false when another request has ended it already. A sealed flow has no row and need
/// not be single-use, because each completion checks a credential again.
pub(super) async fn consume(tx: &mut Tx, id: &str) -> Result<bool, sqlx::Error> {
    if model::is_sealed(id) {
        return Ok(true);
    }
    let done = sqlx::query("DELETE FROM signin_flows WHERE id = $1").bind(id).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes expired flows.
pub async fn delete_expired(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    let now = tx.now();
    let done =
        sqlx::query("DELETE FROM signin_flows WHERE expires_at <= $1").bind(now).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}
