//! Sign-in with a password that is stored here, and replacing one that has expired.

use super::model::NextStep;
use super::next_step::{find_pending_record, proof_waiting_for};
use super::outcome_record::audit_context_of;
use super::password_attempt::{Candidate, PasswordAttempt};
use crate::directory::users;
use crate::kernel::tokens;
use crate::signin::password::{self, Password, PasswordChangeReason, PasswordStatus, PrepareError};
use crate::signin::{Method, Proof, SignInAttempt, SignInError, SignInOutcome, sessions};

/// Why a new password did not lead to a session.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// The password does not meet the policy, or hashing is overloaded.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The flow or the account's rules do not allow it.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

impl SignInAttempt<'_> {
    /// Verifies a password for the flow's identifier and, when it is right, completes the flow.
    pub async fn sign_in_with_password(
        &self,
        password: &Password,
        method: Method,
    ) -> Result<SignInOutcome, SignInError> {
        let Self { signin, request, flow, .. } = *self;
        // The permit comes first, because an attempt that cannot be checked must not count.
        let permit = signin.hasher.acquire()?;
        let mut c = signin.kernel.db.read().await?;
        let candidate = Candidate::of_flow(&mut c, flow).await?;
        let identifier = flow.identifier.clone();
        let attempt = PasswordAttempt::record(signin, request, c, candidate, identifier, method).await?;
        let (record, verified) = attempt.verify(permit, password).await?;
        let user = record.user.as_ref().ok_or(SignInError::WrongPassword)?;
        let proof = Proof::from_password(user, method);
        self.complete_proof(proof, Some(record), Some(verified)).await
    }

    /// Replaces an expired password in a flow that waits for it, and advances the flow.
    pub async fn replace_expired_password(
        &self,
        password: &Password,
    ) -> Result<SignInOutcome, NewPasswordError> {
        let proof = proof_waiting_for(self.flow, NextStep::NewPassword)?;
        let mut c = self.signin.kernel.db.read().await.map_err(SignInError::from)?;
        let record = find_pending_record(&mut c, &proof).await?;
        drop(c);
        let user = record.user.ok_or(SignInError::FlowEnded)?;
        // The expired password must not be chosen again, even if the account keeps no history.
        let mut rules = record.settings.password;
        rules.history = rules.history.max(1);
        let person = password::PersonalTerms::from(&user);
        let hash = password::prepare(self.signin, &rules, password, &person, Some(&user.id)).await?;
        Ok(self.store_new_password(proof, hash).await?)
    }

    async fn store_new_password(&self, proof: Proof, hash: String) -> Result<SignInOutcome, SignInError> {
        let kernel = &self.signin.kernel;
        let mut tx = kernel.db.begin().await?;
        let user_id = proof.user_id.as_ref().ok_or(SignInError::FlowEnded)?;
        users::lock(&mut tx, &proof.account_id, user_id).await?;
        let (mut tx, mut admitted) = self.load_pending_user(tx, &proof).await?;
        // An expired password must not overwrite a change that its owner has made in the meantime.
        if admitted.password_status != PasswordStatus::Expired {
            return Err(SignInError::FlowEnded);
        }
        let context = audit_context_of(&admitted.user, self.request);
        let reason = PasswordChangeReason::Expired;
        admitted.user = password::set(kernel, &mut tx, &context, &admitted.user, &hash, reason).await?;
        sessions::sweep(&mut tx, &context, &admitted.user, "").await?;
        let proof = Proof { password_fingerprint: Some(tokens::hash(&hash)), ..proof };
        admitted.password_status = PasswordStatus::Valid;
        admitted.expected_hash = Some(hash);
        let outcome = self.advance(&mut tx, &admitted, proof).await?;
        tx.commit().await?;
        Ok(outcome)
    }
}
