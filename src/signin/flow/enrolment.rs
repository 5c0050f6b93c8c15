//! Enrols a second factor: the first one in a flow that waits for it, or any in a session.

use super::model::NextStep;
use super::next_step::{pending_user, proof_waiting_for};
use super::outcome_record::audit_context_of;
use super::reauthentication::SessionRequest;
use crate::directory::users;
use crate::signin::factors::{self, Confirmation, EnrolError, EnrolmentRight};
use crate::signin::{SignInAttempt, SignInError, SignInOutcome, sessions};

/// The result of an enrolment.
pub struct EnrolledFactor<T> {
    /// The outcome of the sign-in, or the session's new secret.
    pub outcome: T,
    /// The recovery codes, which are shown only once; `None` if this was not the first factor.
    pub codes: Option<Vec<String>>,
}

/// Why a factor was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentStepError {
    /// The factor was not accepted, and the page is shown again.
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    /// The flow, the session or the account's rules do not allow it.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl From<sqlx::Error> for EnrolmentStepError {
    fn from(error: sqlx::Error) -> Self {
        Self::SignIn(error.into())
    }
}

impl SignInAttempt<'_> {
    /// Enrols the first second factor of the user whose flow waits for it, and advances the flow.
    pub async fn enrol_first_factor(
        &self,
        confirmation: Confirmation<'_>,
    ) -> Result<EnrolledFactor<SignInOutcome>, EnrolmentStepError> {
        let Self { signin, request, flow, .. } = *self;
        let mut proof = proof_waiting_for(flow, NextStep::Enrolment)?;
        let user = pending_user(signin, flow).await?.ok_or(SignInError::FlowEnded)?;
        let confirmed = factors::confirm_enrolment(signin, &user, confirmation).await?;
        let tx = signin.kernel.db.begin().await?;
        let (mut tx, admitted) = self.load_pending_user(tx, &proof).await?;
        proof.add_second_factor(confirmed.factor, &confirmed.amr);
        let context = audit_context_of(&admitted.user, request);
        let right = EnrolmentRight::FirstFactor;
        let added = factors::add(&signin.kernel, &mut tx, &context, &admitted.user, right, confirmed).await;
        let codes = added.map_err(|error| match error {
            // Another request enrolled a factor in the meantime, which this flow has not verified.
            EnrolError::AlreadyEnrolled => SignInError::FlowEnded.into(),
            error => EnrolmentStepError::Enrol(error),
        })?;
        let outcome = self.advance(&mut tx, &admitted, proof).await?;
        tx.commit().await?;
        Ok(EnrolledFactor { outcome, codes })
    }
}

impl SessionRequest<'_> {
    /// Adds a factor of the principal and gives the session a new secret. The factor counts as verified in
    /// that session.
    pub async fn enrol_factor(
        &self,
        right: EnrolmentRight,
        confirmation: Confirmation<'_>,
    ) -> Result<EnrolledFactor<String>, EnrolmentStepError> {
        let Self { signin, request, principal } = *self;
        let mut c = signin.kernel.db.read().await?;
        let user = users::by_id(&mut c, &principal.account_id, &principal.id).await?;
        let user = user.ok_or(SignInError::FlowEnded)?;
        drop(c);
        let confirmed = factors::confirm_enrolment(signin, &user, confirmation).await?;
        let context = principal.context(request);
        let (factor, amr) = (confirmed.factor, confirmed.amr.clone());
        let mut tx = signin.kernel.db.begin().await?;
        let codes = factors::add(&signin.kernel, &mut tx, &context, &user, right, confirmed).await?;
        let renewed = sessions::renew(&mut tx, &context, principal, Some((factor, &amr))).await?;
        let outcome = renewed.ok_or(SignInError::FlowEnded)?;
        tx.commit().await?;
        Ok(EnrolledFactor { outcome, codes })
    }
}
