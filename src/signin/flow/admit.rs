//! Admits the user of a proof under the account's rules.

use serde_json::json;

use super::model::{AdmittedUser, NextStep};
use super::outcome_record::audit_context_of;
use super::provider_claims;
use crate::access;
use crate::audit::{self, Action, Context, Event};
use crate::directory;
use crate::directory::users::{ChangeAuthority, Profile, User};
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::signin::lookup::SignInRecord;
use crate::signin::policy::{self, Admission, LinkConfirmation};
use crate::signin::{Method, Proof, SignInAttempt, SignInError, identities};

/// Applies the account's rules to a proof about the user of `record`. The effects of a first sign-in happen
/// here: the user is created or activated, their identity is linked, and the provider's names and groups
/// are applied.
pub(super) async fn admit_user(
    tx: &mut Tx,
    attempt: &SignInAttempt<'_>,
    proof: &Proof,
    record: &SignInRecord,
) -> Result<AdmittedUser, SignInError> {
    let request = attempt.request;
    let user = match policy::authorize_sign_in(tx, proof, record).await? {
        Admission::Active(user) => user.clone(),
        Admission::Unconfirmed(user, confirmation) => {
            return hold_link(tx, attempt, proof, record, HeldLink { user, confirmation }).await;
        }
        Admission::Invited(user) => activate_invited_user(tx, request, user, proof.method).await?,
        Admission::FirstSignIn => {
            let context = Context::anonymous(&proof.account_id, &proof.identifier, request);
            provider_claims::create_user(tx, &context, proof).await?
        }
    };
    let user = link_identity(tx, request, user, proof).await?;
    Ok(AdmittedUser::new(user, record))
}

/// Links the identity of the proof to `user`, and applies the provider's names and groups.
pub(super) async fn link_identity(
    tx: &mut Tx,
    request: &RequestContext,
    user: User,
    proof: &Proof,
) -> Result<User, directory::Error> {
    let context = audit_context_of(&user, request);
    identities::link_or_record_use(tx, &context, &user, proof).await?;
    provider_claims::apply(tx, &context, user, proof).await
}

/// The user of an unconfirmed identity, and how they confirm it.
struct HeldLink<'a> {
    user: &'a User,
    confirmation: LinkConfirmation,
}

/// Keeps the identity of the proof unlinked until it is confirmed. Nothing that the provider says about the user
/// is applied before. A browser in which no sign-in was begun is not asked for the confirmation: an attacker could
/// have sent it the response, and get their own identity linked by a user who expects a sign-in page.
async fn hold_link(
    tx: &mut Tx,
    attempt: &SignInAttempt<'_>,
    proof: &Proof,
    record: &SignInRecord,
    held: HeldLink<'_>,
) -> Result<AdmittedUser, SignInError> {
    let HeldLink { user, confirmation } = held;
    let context = Context::anonymous(&proof.account_id, &proof.identifier, attempt.request);
    identities::request_link(tx, &context, user, proof).await?;
    let step = match confirmation {
        LinkConfirmation::SecondFactor | LinkConfirmation::Password if attempt.flow.is_idp_initiated() => {
            return Err(SignInError::LinkNotRequested);
        }
        LinkConfirmation::SecondFactor => NextStep::LinkBySecondFactor,
        LinkConfirmation::Password => NextStep::LinkByPassword,
        LinkConfirmation::NotNeeded | LinkConfirmation::Administrator => {
            return Err(SignInError::LinkNeedsApproval);
        }
    };
    Ok(AdmittedUser { link_step: Some(step), ..AdmittedUser::new(user.clone(), record) })
}

/// Activates an invited user.
pub(crate) async fn activate_invited_user(
    tx: &mut Tx,
    request: &RequestContext,
    user: &User,
    method: Method,
) -> Result<User, directory::Error> {
    let context = audit_context_of(user, request);
    let wanted = Profile { active: true, ..user.profile() };
    let joined = access::update_user(tx, &context, ChangeAuthority::Local, user, wanted).await?;
    let event = Event::new(Action::InvitationAccept, "user", &user.id, &user.user_name);
    audit::record(tx, &context, event.detail(json!({"method": method}))).await?;
    Ok(joined)
}
