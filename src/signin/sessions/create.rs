//! Creates a session, and gives a session a new secret.

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

/// Creates a session and returns its secret for the cookie. The secret is always new, so that one which was
/// known before the sign-in is useless after it.
///
/// Returns `None` when the user has changed since they were looked up: they are not active, have another
/// epoch or have enrolled a second factor that `proof` lacks, or their password hash is not
/// `expected_hash`, if that is given.
pub async fn create(
    tx: &mut Tx,
    user: &User,
    proof: &Proof,
    expected_hash: Option<&str>,
    request: &RequestContext,
) -> Result<Option<String>, sqlx::Error> {
    let id = tx.new_id();
    let token = OpaqueToken::for_row(OpaqueTokenKind::Session, &id);
    // In a remembered browser the second factor was not verified, so an action that needs a recent proof
    // requires it.
    let is_full_authentication = proof.second_factor != Some(SecondFactor::Device);
    let new = NewSession {
        authenticated_at: if is_full_authentication { tx.now() } else { Timestamp(0) },
        id: &id,
        account_id: &user.account_id,
        user_id: &user.id,
        user_epoch: user.epoch,
        hash: &token.hash,
        method: proof.method.as_str(),
        connection_id: proof.connection_id.as_ref(),
        amr: proof.amr.join(" "),
        acr: &proof.acr,
        provider_acr: &proof.provider_acr,
        second_factor: proof.second_factor.map_or("", SecondFactor::as_str),
        address: request.address.to_string(),
        user_agent: &request.user_agent,
        provider: proof.provider_claims.session.as_ref(),
    };
    Ok(store::insert(tx, &new, expected_hash).await?.then_some(token.secret))
}

/// Records that the principal has reauthenticated and gives their session a new secret, so that a cookie
/// which was copied before is useless. `shown` is the second factor with its `amr` values, if one was
/// verified. Returns `None` when the principal has no session or it has ended.
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
        user_id: &principal.user_id(),
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
