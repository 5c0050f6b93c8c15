//! The stretch between the first factor and the session: showing a second factor, or setting one up. And the
//! two shorter ways to the same: a passkey instead of both, a second factor again in a session.

use super::super::factors::{
    self, Accepted, Authority, Claim, Confirmation, EnrolError, PasskeyProof, SecondFactor, Shown, Verdict,
    Wrong,
};
use super::super::lockout::{Counted, Factor};
use super::super::{Method, SignIn, notices, sessions};
use super::cookies::Browser;
use super::finish::{self, Entered, Passage, Proved};
use super::model::{Demand, Flow};
use super::prove;
use super::refused::Refused;
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::accounts::{self, LockoutSettings};
use crate::directory::users::{self, User};
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;

/// Takes the second factor of a flow that waits for it and goes on. `remember`: whether this browser is to be
/// asked again only after a while, where the account allows that.
///
/// # Errors
/// [`Refused::SecondFactor`] leaves the flow open for another try; [`Refused::FlowEnded`].
pub async fn show_second_factor(
    signin: &SignIn,
    request: &RequestContext,
    (flow, browser): (&Flow, Browser<'_>),
    (shown, remember): (Shown<'_>, bool),
) -> Result<Proved, Refused> {
    let proof = flow.proof().filter(|_| flow.demand() == Some(Demand::SecondFactor));
    let mut proof = proof.ok_or(Refused::FlowEnded)?;
    let kernel = &signin.kernel;
    let user_id = proof.user_id.clone().ok_or(Refused::FlowEnded)?;
    let claim = factors::prepare(signin, &user_id, &flow.id, shown).await?;
    let mut tx = kernel.db.begin().await?;
    let (user, settings, standing) = prove::parked(&mut tx, flow, &proof).await?;
    let context = Context::anonymous(&user.account_id, &user.user_name, request);
    let claimed = (claim, &settings.lockout);
    let (mut tx, accepted) = accept(signin, tx, &context, (&user, proof.method), claimed).await?;
    proof.add_second_factor(accepted.factor, &accepted.amr);
    let context = finish::own_context(&user, request);
    let codes_left = used_code(signin, &mut tx, &context, &user, accepted.factor).await?;
    let mut device = None;
    if remember && settings.two_factor.remember_days > 0 {
        device = Some(factors::remember(&mut tx, &context, &user, (browser.device, request)).await?);
    }
    let passage = Passage::new(request, (flow, browser), &user, &settings);
    let proved = finish::go_on(&mut tx, &passage, proof, (standing, None)).await?;
    tx.commit().await?;
    kernel.mail_wake.notify_one();
    Ok(match proved {
        Proved::Entered(entered) => Proved::Entered(Entered { device, codes_left, ..entered }),
        owed @ Proved::Owed(..) => owed,
    })
}

/// The person whose proof waits in a flow, for the page.
///
/// # Errors
/// The database's.
pub async fn waiting_user(signin: &SignIn, flow: &Flow) -> Result<Option<User>, sqlx::Error> {
    let Some(proof) = flow.proof().filter(|_| flow.demand().is_some()) else { return Ok(None) };
    prove::user_of(&mut *signin.kernel.db.read().await?, &proof).await
}

/// Tells the owner that a recovery code was used; how many are left.
async fn used_code(
    signin: &SignIn,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    factor: SecondFactor,
) -> Result<Option<i64>, Refused> {
    if factor != SecondFactor::Recovery {
        return Ok(None);
    }
    let left = factors::codes_left(tx, &user.id).await?;
    notices::code_used(&signin.kernel, tx, user, (left, &context.address)).await?;
    Ok(Some(left))
}

/// Counts, checks and uses up what is claimed. A refusal is committed; what was accepted waits in the unit of
/// work that is given back.
async fn accept(
    signin: &SignIn,
    mut tx: Tx,
    context: &Context,
    (user, method): (&User, Method),
    (claim, lockout): (Result<Claim, Wrong>, &LockoutSettings),
) -> Result<(Tx, Accepted), Refused> {
    let verdict = match &claim {
        Ok(claim) => factors::accept(signin, &mut tx, user, lockout, claim).await?,
        Err(wrong) => Verdict::Refused(*wrong, None),
    };
    match verdict {
        Verdict::Accepted(accepted) => Ok((tx, accepted)),
        Verdict::Refused(wrong, counted) => {
            Err(refuse(signin, tx, context, (user, method), (wrong, counted)).await?)
        }
    }
}

/// Writes down that a second factor was not accepted, and the lock if it was the last attempt.
async fn refuse(
    signin: &SignIn,
    mut tx: Tx,
    context: &Context,
    (user, method): (&User, Method),
    (wrong, counted): (Wrong, Option<Counted>),
) -> Result<Refused, Refused> {
    let refused = Refused::SecondFactor(wrong);
    finish::refuse(&mut tx, context, Some(user), method, &refused).await?;
    if let Some(Counted::May { locks_until: Some(until) }) = counted {
        prove::lock(signin, &mut tx, context, user, (Factor::Code, until)).await?;
        metrics::counter!("vestibule_lockouts_total").increment(1);
    }
    tx.commit().await?;
    signin.kernel.mail_wake.notify_one();
    Ok(refused)
}

/// Takes the second factor of somebody who is signed in, before something that needs a recent proof or because
/// the session owes it, and gives the session a new secret.
///
/// # Errors
/// [`Refused::SecondFactor`]; [`Refused::FlowEnded`] when the session is over.
pub async fn confirm_factor(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
    shown: Shown<'_>,
) -> Result<String, Refused> {
    let place = principal.session_id().ok_or(Refused::FlowEnded)?;
    let claim = factors::prepare(signin, &principal.id, place, shown).await?;
    let mut tx = signin.kernel.db.begin().await?;
    let user = users::by_id(&mut tx, &principal.account_id, &principal.id).await?;
    let user = user.filter(User::is_active).ok_or(Refused::FlowEnded)?;
    let lockout = accounts::settings_of(&mut tx, &user.account_id).await?.lockout;
    let context = principal.context(request);
    let claimed = (claim, &lockout);
    let (mut tx, accepted) = accept(signin, tx, &context, (&user, Method::Password), claimed).await?;
    used_code(signin, &mut tx, &context, &user, accepted.factor).await?;
    let shown = Some((accepted.factor, accepted.amr.as_slice()));
    let renewed = sessions::renew(&mut tx, &context, principal, shown).await?;
    let secret = renewed.ok_or(Refused::FlowEnded)?;
    tx.commit().await?;
    signin.kernel.mail_wake.notify_one();
    Ok(secret)
}

/// A factor was set up.
pub struct Enrolled<T> {
    /// What it led to.
    pub outcome: T,
    /// Recovery codes, to be shown now and never again; none if it was not the first factor.
    pub codes: Option<Vec<String>>,
}

/// Sets up the first second factor of somebody whose flow waits for that, and goes on.
///
/// # Errors
/// [`EnrolError`], which leaves the flow open; a refusal, which ends it.
pub async fn enrol(
    signin: &SignIn,
    request: &RequestContext,
    (flow, browser): (&Flow, Browser<'_>),
    confirmation: Confirmation<'_>,
) -> Result<Result<Enrolled<Proved>, EnrolError>, Refused> {
    let proof = flow.proof().filter(|_| flow.demand() == Some(Demand::Enrolment));
    let mut proof = proof.ok_or(Refused::FlowEnded)?;
    let user = waiting_user(signin, flow).await?.ok_or(Refused::FlowEnded)?;
    let confirmed = match factors::confirm(signin, &user, confirmation).await {
        Ok(confirmed) => confirmed,
        Err(error) => return Ok(Err(error)),
    };
    let mut tx = signin.kernel.db.begin().await?;
    let (user, settings, standing) = prove::parked(&mut tx, flow, &proof).await?;
    proof.add_second_factor(confirmed.factor, &confirmed.amr);
    let context = finish::own_context(&user, request);
    let first = (Authority::First, confirmed);
    let codes = match factors::add(&signin.kernel, &mut tx, &context, &user, first).await {
        Ok(codes) => codes,
        // Somebody was faster; this flow has not shown what they set up.
        Err(EnrolError::Already) => return Err(Refused::FlowEnded),
        Err(error) => return Ok(Err(error)),
    };
    let passage = Passage::new(request, (flow, browser), &user, &settings);
    let outcome = finish::go_on(&mut tx, &passage, proof, (standing, None)).await?;
    tx.commit().await?;
    signin.kernel.mail_wake.notify_one();
    Ok(Ok(Enrolled { outcome, codes }))
}

/// Adds a factor of somebody who is signed in and gives the session a new secret, in which the factor counts as
/// shown.
///
/// # Errors
/// As [`enrol`].
pub async fn enrol_in_session(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
    (authority, confirmation): (Authority, Confirmation<'_>),
) -> Result<Result<Enrolled<String>, EnrolError>, Refused> {
    let mut c = signin.kernel.db.read().await?;
    let user = users::by_id(&mut c, &principal.account_id, &principal.id).await?.ok_or(Refused::FlowEnded)?;
    drop(c);
    let confirmed = match factors::confirm(signin, &user, confirmation).await {
        Ok(confirmed) => confirmed,
        Err(error) => return Ok(Err(error)),
    };
    let context = principal.context(request);
    let (factor, amr) = (confirmed.factor, confirmed.amr.clone());
    let mut tx = signin.kernel.db.begin().await?;
    let codes = match factors::add(&signin.kernel, &mut tx, &context, &user, (authority, confirmed)).await {
        Ok(codes) => codes,
        Err(error) => return Ok(Err(error)),
    };
    let renewed = sessions::renew(&mut tx, &context, principal, Some((factor, &amr))).await?;
    let outcome = renewed.ok_or(Refused::FlowEnded)?;
    tx.commit().await?;
    signin.kernel.mail_wake.notify_one();
    Ok(Ok(Enrolled { outcome, codes }))
}

/// Lets somebody in with a passkey alone.
///
/// # Errors
/// [`Refused`].
pub async fn enter_with_passkey(
    signin: &SignIn,
    request: &RequestContext,
    (browser, return_to): (Browser<'_>, &str),
    passkey: &PasskeyProof,
) -> Result<Proved, Refused> {
    let user = &passkey.user;
    let mut tx = signin.kernel.db.begin().await?;
    let settings = accounts::settings_of(&mut tx, &user.account_id).await?;
    let outcome = if !settings.two_factor.passkey_sign_in {
        Err(Refused::PasskeysOff)
    } else if !passkey.spend(&mut tx).await? {
        Err(Refused::SecondFactor(Wrong::Challenge))
    } else {
        finish::enter(&mut tx, request, (browser, return_to), passkey.proof()).await
    };
    if let Err(refused @ (Refused::PasskeysOff | Refused::SecondFactor(_))) = &outcome {
        let context = Context::anonymous(&user.account_id, &user.user_name, request);
        finish::refuse(&mut tx, &context, Some(user), Method::Passkey, refused).await?;
    }
    tx.commit().await?;
    outcome
}
