//! The stretch between the first factor and the session: showing a second factor, or setting one up. And the
//! two shorter ways to the same: a passkey instead of both, a second factor again in a session.

use super::complete::{self, CompletedSignIn, SignInContext, SignInOutcome};
use super::cookies::BrowserBinding;
use super::error::SignInError;
use super::model::{Flow, NextStep};
use super::password;
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::accounts::{self, LockoutSettings};
use crate::directory::users::{self, User};
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::signin::factors::{
    self, Confirmation, EnrolError, EnrolmentRight, FactorError, FactorOutcome, FactorResponse, PasskeyProof,
    PreparedResponse, SecondFactor, VerifiedFactor,
};
use crate::signin::lockout::{AttemptDecision, CredentialKind};
use crate::signin::{Method, SignIn, notifications, sessions};

/// Takes the second factor of a flow that waits for it and goes on. `remember`: whether this browser is to be
/// asked again only after a while, where the account allows that.
pub async fn verify_second_factor(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    browser: BrowserBinding<'_>,
    response: FactorResponse<'_>,
    remember: bool,
) -> Result<SignInOutcome, SignInError> {
    let proof = flow.proof().filter(|_| flow.pending_step() == Some(NextStep::SecondFactor));
    let mut proof = proof.ok_or(SignInError::FlowEnded)?;
    let kernel = &signin.kernel;
    let user_id = proof.user_id.clone().ok_or(SignInError::FlowEnded)?;
    let claim = factors::prepare_response(signin, &user_id, &flow.id, response).await?;
    let mut tx = kernel.db.begin().await?;
    let (user, settings, standing) = password::load_pending_user(&mut tx, flow, &proof).await?;
    let context = Context::anonymous(&user.account_id, &user.user_name, request);
    let claimed = (claim, &settings.lockout);
    let (mut tx, accepted) = check_response(signin, tx, &context, (&user, proof.method), claimed).await?;
    proof.add_second_factor(accepted.factor, &accepted.amr);
    let context = complete::audit_context_of(&user, request);
    let codes_left = notify_recovery_code_used(signin, &mut tx, &context, &user, accepted.factor).await?;
    let mut device = None;
    if remember && settings.two_factor.remember_days > 0 {
        device =
            Some(factors::remember_browser(&mut tx, &context, &user, browser.device_secret, request).await?);
    }
    let sign_in = SignInContext::new(request, flow, browser, &user, &settings);
    let proved = complete::advance(&mut tx, &sign_in, proof, standing, None).await?;
    tx.commit().await?;
    Ok(match proved {
        SignInOutcome::Complete(entered) => {
            SignInOutcome::Complete(CompletedSignIn { device_secret: device, codes_left, ..entered })
        }
        owed @ SignInOutcome::StepRequired(..) => owed,
    })
}

/// The person whose proof waits in a flow, for the page.
pub async fn pending_user(signin: &SignIn, flow: &Flow) -> Result<Option<User>, sqlx::Error> {
    let Some(proof) = flow.proof().filter(|_| flow.pending_step().is_some()) else { return Ok(None) };
    password::user_of_proof(&mut *signin.kernel.db.read().await?, &proof).await
}

/// Tells the owner that a recovery code was used; how many are left.
async fn notify_recovery_code_used(
    signin: &SignIn,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    factor: SecondFactor,
) -> Result<Option<i64>, SignInError> {
    if factor != SecondFactor::Recovery {
        return Ok(None);
    }
    let left = factors::codes_left(tx, &user.id).await?;
    notifications::code_used(&signin.kernel, tx, user, left, &context.address).await?;
    Ok(Some(left))
}

/// Counts, checks and uses up what is claimed. A refusal is committed; what was accepted waits in the unit of
/// work that is given back.
async fn check_response(
    signin: &SignIn,
    mut tx: Tx,
    context: &Context,
    (user, method): (&User, Method),
    (claim, lockout): (Result<PreparedResponse, FactorError>, &LockoutSettings),
) -> Result<(Tx, VerifiedFactor), SignInError> {
    let verdict = match &claim {
        Ok(claim) => factors::verify_response(signin, &mut tx, user, lockout, claim).await?,
        Err(wrong) => FactorOutcome::Rejected(*wrong, None),
    };
    match verdict {
        FactorOutcome::Verified(accepted) => Ok((tx, accepted)),
        FactorOutcome::Rejected(wrong, counted) => {
            Err(reject_response(signin, tx, context, (user, method), (wrong, counted)).await?)
        }
    }
}

/// Writes down that a second factor was not accepted, and the lock if it was the last attempt.
async fn reject_response(
    signin: &SignIn,
    mut tx: Tx,
    context: &Context,
    (user, method): (&User, Method),
    (wrong, counted): (FactorError, Option<AttemptDecision>),
) -> Result<SignInError, SignInError> {
    let refused = SignInError::SecondFactor(wrong);
    complete::record_refusal(&mut tx, context, Some(user), method, &refused).await?;
    if let Some(AttemptDecision::Allowed { locks_until: Some(until) }) = counted {
        password::record_lock(signin, &mut tx, context, user, CredentialKind::Code, until).await?;
        metrics::counter!("vestibule_lockouts_total").increment(1);
    }
    tx.commit().await?;
    Ok(refused)
}

/// Takes the second factor of somebody who is signed in, before something that needs a recent proof or because
/// the session owes it, and gives the session a new secret.
pub async fn confirm_second_factor(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
    response: FactorResponse<'_>,
) -> Result<String, SignInError> {
    let place = principal.session_id().ok_or(SignInError::FlowEnded)?;
    let claim = factors::prepare_response(signin, &principal.id, place, response).await?;
    let mut tx = signin.kernel.db.begin().await?;
    let user = users::by_id(&mut tx, &principal.account_id, &principal.id).await?;
    let user = user.filter(User::is_active).ok_or(SignInError::FlowEnded)?;
    let lockout = accounts::settings_of(&mut tx, &user.account_id).await?.lockout;
    let context = principal.context(request);
    let claimed = (claim, &lockout);
    let (mut tx, accepted) = check_response(signin, tx, &context, (&user, Method::Password), claimed).await?;
    notify_recovery_code_used(signin, &mut tx, &context, &user, accepted.factor).await?;
    let shown = Some((accepted.factor, accepted.amr.as_slice()));
    let renewed = sessions::renew(&mut tx, &context, principal, shown).await?;
    let secret = renewed.ok_or(SignInError::FlowEnded)?;
    tx.commit().await?;
    Ok(secret)
}

/// A factor was set up.
pub struct EnrolledFactor<T> {
    /// What it led to.
    pub outcome: T,
    /// Recovery codes, to be shown now and never again; none if it was not the first factor.
    pub codes: Option<Vec<String>>,
}

/// Sets up the first second factor of somebody whose flow waits for that, and goes on.
pub async fn enrol_in_flow(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    browser: BrowserBinding<'_>,
    confirmation: Confirmation<'_>,
) -> Result<Result<EnrolledFactor<SignInOutcome>, EnrolError>, SignInError> {
    let proof = flow.proof().filter(|_| flow.pending_step() == Some(NextStep::Enrolment));
    let mut proof = proof.ok_or(SignInError::FlowEnded)?;
    let user = pending_user(signin, flow).await?.ok_or(SignInError::FlowEnded)?;
    let confirmed = match factors::confirm_enrolment(signin, &user, confirmation).await {
        Ok(confirmed) => confirmed,
        Err(error) => return Ok(Err(error)),
    };
    let mut tx = signin.kernel.db.begin().await?;
    let (user, settings, standing) = password::load_pending_user(&mut tx, flow, &proof).await?;
    proof.add_second_factor(confirmed.factor, &confirmed.amr);
    let context = complete::audit_context_of(&user, request);

    let codes =
        match factors::add(&signin.kernel, &mut tx, &context, &user, EnrolmentRight::FirstFactor, confirmed)
            .await
        {
            Ok(codes) => codes,
            // Somebody was faster; this flow has not shown what they set up.
            Err(EnrolError::AlreadyEnrolled) => return Err(SignInError::FlowEnded),
            Err(error) => return Ok(Err(error)),
        };
    let sign_in = SignInContext::new(request, flow, browser, &user, &settings);
    let outcome = complete::advance(&mut tx, &sign_in, proof, standing, None).await?;
    tx.commit().await?;
    Ok(Ok(EnrolledFactor { outcome, codes }))
}

/// Adds a factor of somebody who is signed in and gives the session a new secret, in which the factor counts as
/// shown.
pub async fn enrol_in_session(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
    right: EnrolmentRight,
    confirmation: Confirmation<'_>,
) -> Result<Result<EnrolledFactor<String>, EnrolError>, SignInError> {
    let mut c = signin.kernel.db.read().await?;
    let user =
        users::by_id(&mut c, &principal.account_id, &principal.id).await?.ok_or(SignInError::FlowEnded)?;
    drop(c);
    let confirmed = match factors::confirm_enrolment(signin, &user, confirmation).await {
        Ok(confirmed) => confirmed,
        Err(error) => return Ok(Err(error)),
    };
    let context = principal.context(request);
    let (factor, amr) = (confirmed.factor, confirmed.amr.clone());
    let mut tx = signin.kernel.db.begin().await?;
    let codes = match factors::add(&signin.kernel, &mut tx, &context, &user, right, confirmed).await {
        Ok(codes) => codes,
        Err(error) => return Ok(Err(error)),
    };
    let renewed = sessions::renew(&mut tx, &context, principal, Some((factor, &amr))).await?;
    let outcome = renewed.ok_or(SignInError::FlowEnded)?;
    tx.commit().await?;
    Ok(Ok(EnrolledFactor { outcome, codes }))
}

/// Lets somebody in with a passkey alone.
pub async fn sign_in_with_passkey(
    signin: &SignIn,
    request: &RequestContext,
    browser: BrowserBinding<'_>,
    return_to: &str,
    passkey: &PasskeyProof,
) -> Result<SignInOutcome, SignInError> {
    let user = &passkey.user;
    let mut tx = signin.kernel.db.begin().await?;
    let settings = accounts::settings_of(&mut tx, &user.account_id).await?;
    let outcome = if !settings.two_factor.passkey_sign_in {
        Err(SignInError::PasskeysOff)
    } else if !passkey.consume(&mut tx).await? {
        Err(SignInError::SecondFactor(FactorError::ChallengeExpired))
    } else {
        complete::sign_in_without_flow(&mut tx, request, browser, return_to, passkey.proof()).await
    };
    if let Err(refused @ (SignInError::PasskeysOff | SignInError::SecondFactor(_))) = &outcome {
        let context = Context::anonymous(&user.account_id, &user.user_name, request);
        complete::record_refusal(&mut tx, &context, Some(user), Method::Passkey, refused).await?;
    }
    tx.commit().await?;
    outcome
}
