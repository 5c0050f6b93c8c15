//! The steps between a proof and a session, and the flow that waits for one of them.

use super::cookies::BrowserBinding;
use super::model::{AdmittedUser, Flow, NextStep};
use crate::directory::users::{self, User};
use crate::kernel::database::DbConn;
use crate::kernel::{Tx, tokens};
use crate::signin::factors::{self, SecondFactor};
use crate::signin::lookup::{self, LookupBy, SignInRecord};
use crate::signin::password::{self, PasswordStatus};
use crate::signin::{Proof, SignIn, SignInError, policy};

/// The next step that is required before a session, if any. The second factor comes before a new password,
/// because a password alone must not be enough to change it. In a remembered browser the proof gets its
/// second factor here.
pub(super) async fn find_next_step(
    tx: &mut Tx,
    browser: BrowserBinding<'_>,
    admitted: &AdmittedUser,
    proof: &mut Proof,
) -> Result<Option<NextStep>, sqlx::Error> {
    let AdmittedUser { user, settings, is_enrolled, password_status, .. } = admitted;
    // Before anything else, because until then it is not certain that this is the user.
    if let Some(step) = admitted.link_step {
        return Ok(Some(step));
    }
    let rules = &settings.two_factor;
    if proof.second_factor.is_none() && *is_enrolled {
        let now = tx.now();
        if !factors::is_browser_remembered(tx, rules, user, browser.device_secret, now).await? {
            return Ok(Some(NextStep::SecondFactor));
        }
        proof.second_factor = Some(SecondFactor::Device);
    }
    if *password_status == PasswordStatus::Expired {
        return Ok(Some(NextStep::NewPassword));
    }
    if proof.second_factor.is_none() && policy::is_enforced_for(tx, rules, &user.id).await? {
        return Ok(Some(NextStep::Enrolment));
    }
    Ok(None)
}

/// The proof of a flow that waits for `step`.
pub(super) fn proof_waiting_for(flow: &Flow, step: NextStep) -> Result<Proof, SignInError> {
    flow.proof().filter(|_| flow.pending_step() == Some(step)).ok_or(SignInError::FlowEnded)
}

/// The record of the user whose proof waits in a flow. It is looked up by id, because the user was
/// identified before the flow began to wait.
pub(super) async fn find_pending_record(c: &mut DbConn, proof: &Proof) -> Result<SignInRecord, SignInError> {
    let user_id = proof.user_id.as_ref().ok_or(SignInError::FlowEnded)?;
    Ok(lookup::find_record(c, &proof.account_id, LookupBy::UserId(user_id), "").await?)
}

/// Loads the user whose proof waits in a flow, provided that nothing has changed: the user is active and
/// has the same epoch, the password that was checked is still theirs, and the account's rules admit the proof.
pub(super) async fn load_pending_user(
    tx: &mut Tx,
    flow: &Flow,
    proof: &Proof,
) -> Result<AdmittedUser, SignInError> {
    let record = find_pending_record(tx, proof).await?;
    let unchanged = |user: &&User| user.is_active() && flow.user_epoch == Some(user.epoch);
    let user = record.user.as_ref().filter(unchanged).ok_or(SignInError::FlowEnded)?;
    // A link is confirmed with the second factor, once the user has one.
    if record.is_enrolled && flow.pending_step() == Some(NextStep::LinkByPassword) {
        return Err(SignInError::FlowEnded);
    }
    let password_status = match &proof.password_fingerprint {
        Some(shown) => {
            let row = record
                .password
                .as_ref()
                .filter(|row| tokens::constant_time_eq(&tokens::hash(&row.hash), shown))
                .ok_or(SignInError::FlowEnded)?;
            password::status(&record.settings.password, row.changed_at, tx.now())
        }
        None => PasswordStatus::Valid,
    };
    policy::reauthorize(tx, proof, &record, user, flow.confirms_link()).await?;
    Ok(AdmittedUser { password_status, ..AdmittedUser::new(user.clone(), &record) })
}

/// The user whose proof waits in a flow, for display.
pub async fn pending_user(signin: &SignIn, flow: &Flow) -> Result<Option<User>, sqlx::Error> {
    let Some(proof) = flow.proof().filter(|_| flow.pending_step().is_some()) else { return Ok(None) };
    let Some(user_id) = &proof.user_id else { return Ok(None) };
    users::by_id(&mut *signin.kernel.db.read().await?, &proof.account_id, user_id).await
}
