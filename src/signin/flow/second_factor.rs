//! Verifies the second factor in a flow that waits for it.

use super::admit::link_identity;
use super::model::AdmittedUser;
use super::next_step::proof_waiting_for;
use super::outcome_record::{audit_context_of, record_refusal};
use crate::audit::Context;
use crate::directory::accounts::LockoutSettings;
use crate::directory::users::{self, User};
use crate::kernel::{Timestamp, Tx};
use crate::signin::factors::{
    self, FactorError, FactorOutcome, FactorResponse, PreparedResponse, SecondFactor, VerifiedFactor,
};
use crate::signin::flow::NextStep;
use crate::signin::lockout::{self, CredentialKind, LockNotice};
use crate::signin::{
    CompletedSignIn, Method, SignIn, SignInAttempt, SignInError, SignInOutcome, notifications,
};

impl SignInAttempt<'_> {
    /// Verifies the second factor of a flow that waits for it, and advances the flow. If the flow waits for the
    /// confirmation of a new identity, that is linked. With `remember` this browser is remembered, if the
    /// account allows that.
    pub async fn verify_second_factor(
        &self,
        response: FactorResponse<'_>,
        remember: bool,
    ) -> Result<SignInOutcome, SignInError> {
        let Self { signin, request, flow, .. } = *self;
        let links = flow.confirms_link();
        let step = if links { NextStep::LinkBySecondFactor } else { NextStep::SecondFactor };
        let mut proof = proof_waiting_for(flow, step)?;
        let user_id = proof.user_id.as_ref().ok_or(SignInError::FlowEnded)?;
        let response = factors::prepare_response(signin, user_id, &flow.id, response).await?;
        let tx = signin.kernel.db.begin().await?;
        let (tx, mut admitted) = self.load_pending_user(tx, &proof).await?;
        let user = &admitted.user;
        let context = Context::anonymous(&user.account_id, &user.user_name, request);
        let attempt = FactorAttempt {
            signin,
            context: &context,
            user,
            method: proof.method,
            lockout: &admitted.settings.lockout,
        };
        let (mut tx, verified) = attempt.check(tx, &response).await?;
        proof.add_second_factor(verified.factor, &verified.amr);
        let context = audit_context_of(user, request);
        let codes_left = notify_recovery_code_used(signin, &mut tx, &context, user, verified.factor).await?;
        if links {
            admitted.user = link_identity(&mut tx, request, admitted.user, &proof).await?;
        }
        let outcome = match self.advance(&mut tx, &admitted, proof).await? {
            SignInOutcome::Complete(completed) => {
                let device_secret =
                    if remember { self.remember_browser(&mut tx, &admitted).await? } else { None };
                SignInOutcome::Complete(CompletedSignIn { device_secret, codes_left, ..completed })
            }
            step @ SignInOutcome::StepRequired(..) => step,
        };
        tx.commit().await?;
        Ok(outcome)
    }

    /// Remembers this browser, if the account allows that. It comes after everything else: a new address has ended the
    /// epoch in which the user was admitted.
    async fn remember_browser(
        &self,
        tx: &mut Tx,
        admitted: &AdmittedUser,
    ) -> Result<Option<String>, SignInError> {
        if admitted.settings.two_factor.remember_days == 0 {
            return Ok(None);
        }
        let User { account_id, id, .. } = &admitted.user;
        let user = users::by_id(tx, account_id, id).await?.ok_or(SignInError::FlowEnded)?;
        let (context, before) = (audit_context_of(&user, self.request), self.browser.device_secret);
        Ok(Some(factors::remember_browser(tx, &context, &user, before, self.request).await?))
    }
}

/// One attempt with a second factor.
pub(super) struct FactorAttempt<'a> {
    pub(super) signin: &'a SignIn,
    /// The context of the audit event for a refusal.
    pub(super) context: &'a Context,
    pub(super) user: &'a User,
    /// The method of the first factor.
    pub(super) method: Method,
    pub(super) lockout: &'a LockoutSettings,
}

impl FactorAttempt<'_> {
    /// Counts, verifies and consumes a response. A refusal is committed; an accepted response stays in the
    /// transaction that is returned.
    pub(super) async fn check(
        &self,
        mut tx: Tx,
        response: &PreparedResponse,
    ) -> Result<(Tx, VerifiedFactor), SignInError> {
        match factors::verify_response(self.signin, &mut tx, self.user, self.lockout, response).await? {
            FactorOutcome::Verified(verified) => Ok((tx, verified)),
            FactorOutcome::Rejected { error, locks_until } => {
                Err(self.reject(tx, error, locks_until).await?)
            }
        }
    }

    /// Records a refused second factor and, if this was the last allowed attempt, reports the lock. Returns
    /// the refusal.
    async fn reject(
        &self,
        mut tx: Tx,
        error: FactorError,
        locks_until: Option<Timestamp>,
    ) -> Result<SignInError, SignInError> {
        let Self { signin, context, user, method, .. } = *self;
        let refused = SignInError::SecondFactor(error);
        record_refusal(&mut tx, context, Some(user), method, &refused).await?;
        if let Some(until) = locks_until {
            let credential_kind = CredentialKind::Code;
            let notice = LockNotice { credential_kind, until, address: &context.address };
            lockout::report_lock(&signin.kernel, &mut tx, context, user, notice).await?;
            metrics::counter!("vestibule_lockouts_total").increment(1);
        }
        tx.commit().await?;
        Ok(refused)
    }
}

/// Notifies the user if `factor` is a recovery code, and returns how many are left.
pub(super) async fn notify_recovery_code_used(
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
