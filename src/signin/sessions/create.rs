//! Beginning a session, and giving one a new secret.

use serde_json::json;

use super::store::{self, NewSession, Renewal};
use crate::access::{Credential, Principal};
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::User;
use crate::kernel::http::RequestContext;
use crate::kernel::tokens::{OpaqueToken, OpaqueTokenKind};
use crate::kernel::{Timestamp, Tx};
use crate::signin::Proof;
use crate::signin::factors::{ACR_TWO_FACTORS, SecondFactor};

/// Begins a session and returns its secret for the cookie. Always a new secret: one that was known
/// before sign-in is worth nothing after it.
///
/// `None` when the user is not what was looked up any more: not active, of another epoch, or, with
/// `unchanged`, of another password than the one with this hash.
pub async fn create(
    tx: &mut Tx,
    user: &User,
    proof: &Proof,
    expected_hash: Option<&str>,
    request: &RequestContext,
) -> Result<Option<String>, sqlx::Error> {
    let id = tx.new_id();
    let token = OpaqueToken::for_row(OpaqueTokenKind::Session, &id);
    // In a remembered browser the second factor was not shown: what needs a recent proof asks for it.
    let is_full_authentication = proof.second_factor != Some(SecondFactor::Device);
    let new = NewSession {
        authenticated_at: if is_full_authentication { tx.now() } else { Timestamp(0) },
        id: &id,
        account_id: &user.account_id,
        user_id: &user.id,
        user_epoch: user.epoch,
        hash: &token.hash,
        method: proof.method.as_str(),
        connection_id: proof.connection_id.as_deref(),
        amr: proof.amr.join(" "),
        acr: &proof.acr,
        second_factor: proof.second_factor.map_or("", SecondFactor::as_str),
        address: request.address.to_string(),
        user_agent: &request.user_agent,
        provider: proof.provider_claims.session.as_ref(),
    };
    Ok(store::insert(tx, &new, expected_hash).await?.then_some(token.secret))
}

/// The principal has just proved again who they are: notes that and gives their session a new secret,
/// so that a cookie copied before does not profit. `None` when it is no session, or ended meanwhile.
/// `shown`: the second factor with its methods, if it was that.
pub async fn renew(
    tx: &mut Tx,
    context: &Context,
    principal: &Principal,
    shown: Option<(SecondFactor, &[&str])>,
) -> Result<Option<String>, sqlx::Error> {
    let Credential::Session { id, amr, acr, .. } = &principal.credential else { return Ok(None) };
    let token = OpaqueToken::for_row(OpaqueTokenKind::Session, id);
    let mut methods: Vec<&str> = amr.split_whitespace().collect();
    let added = shown.map_or(&[][..], |(_, amr)| amr);
    methods.extend(added.iter().filter(|method| !amr.split_whitespace().any(|known| known == **method)));
    let renewal = Renewal {
        user_id: &principal.id,
        id,
        hash: &token.hash,
        amr: methods.join(" "),
        acr: if shown.is_some() { ACR_TWO_FACTORS } else { acr },
        second_factor: shown.map_or("", |(factor, _)| factor.as_str()),
    };
    if !store::renew(tx, &renewal).await? {
        return Ok(None);
    }
    let event = Event::new(Action::SessionConfirm, "session", id, &principal.name);
    let method = shown.map_or("password", |(factor, _)| factor.as_str());
    audit::record(tx, context, event.detail(json!({"method": method}))).await?;
    Ok(Some(token.secret))
}
