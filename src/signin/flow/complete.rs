//! Completes a proof: creates the session or determines the step that is still missing.

use super::admit::admit_user;
use super::model::{AdmittedUser, LIFETIME};
use super::outcome_record::{record_refusal, record_success};
use super::store::PendingProof;
use super::{next_step, start, store};
use crate::audit::Context;
use crate::directory::users::User;
use crate::kernel::tokens::{self, OpaqueToken, OpaqueTokenKind};
use crate::kernel::{Timestamp, Tx};
use crate::signin::lockout::{self, CredentialKind};
use crate::signin::lookup::{self, LookupBy, SignInRecord};
use crate::signin::password::{self, PasswordStatus};
use crate::signin::{
    CompletedSignIn, Proof, RequiredStep, SignInAttempt, SignInError, SignInOutcome, sessions,
};

/// A password that was verified.
pub(super) struct VerifiedPassword {
    pub(super) old_hash: String,
    /// A hash with the current parameters, if the old one has others.
    pub(super) new_hash: Option<String>,
    pub(super) changed_at: Timestamp,
}

impl VerifiedPassword {
    /// The hash that is stored after the upgrade, if there is one.
    fn into_current_hash(self) -> String {
        self.new_hash.unwrap_or(self.old_hash)
    }
}

impl SignInAttempt<'_> {
    /// Applies the account's rules to a proof, and creates the session or determines the missing step.
    ///
    /// Everything is one transaction: the flow ends or advances, the user may be created, the session is
    /// created and the event is recorded. Of two requests that race with one flow, only one succeeds.
    ///
    /// `record` is what was loaded to check `password`, and can be as old as that check. Without it the
    /// user is looked up in the transaction.
    pub(super) async fn complete_proof(
        &self,
        mut proof: Proof,
        record: Option<SignInRecord>,
        password: Option<VerifiedPassword>,
    ) -> Result<SignInOutcome, SignInError> {
        let mut tx = self.signin.kernel.db.begin().await?;
        if let Some(key) = proof.clear_failures_of.take() {
            lockout::clear_failures(&mut tx, &key, CredentialKind::Password).await?;
        }
        let record = match record {
            Some(record) => record,
            None => find_record_of(&mut tx, &proof).await?,
        };
        let mut admitted = match admit_user(&mut tx, self, &proof, &record).await {
            Ok(admitted) => admitted,
            Err(error) if error.is_refusal() => {
                let user = record.user.as_ref();
                return Err(self.refuse_proof(tx, &proof, user, password.is_some(), error).await?);
            }
            Err(error) => return Err(error),
        };
        // From here on the proof is bound to this user, even if their address changes.
        proof.user_id.get_or_insert_with(|| admitted.user.id.clone());
        if let Some(password) = password {
            let user_id = &admitted.user.id;
            lockout::clear_failures(&mut tx, user_id, CredentialKind::Password).await?;
            if let Some(new) = &password.new_hash {
                password::store::upgrade(&mut tx, user_id, &password.old_hash, new).await?;
            }
            admitted.password_status =
                password::status(&admitted.settings.password, password.changed_at, tx.now());
            let hash = password.into_current_hash();
            proof.password_fingerprint = Some(tokens::hash(&hash));
            admitted.expected_hash = Some(hash);
        }
        let outcome = self.advance(&mut tx, &admitted, proof).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Records that the rules refused a proof and returns the refusal.
    async fn refuse_proof(
        &self,
        mut tx: Tx,
        proof: &Proof,
        user: Option<&User>,
        password_was_right: bool,
        refused: SignInError,
    ) -> Result<SignInError, SignInError> {
        // A refusal after a password check leaves the flow open for another attempt, like a wrong password
        // does. A delivered proof is used up.
        if self.flow.proof.is_some() && !store::consume(&mut tx, &self.flow.id).await? {
            return Ok(SignInError::FlowEnded);
        }
        if let Some(user) = user.filter(|user| user.is_active() && password_was_right) {
            lockout::clear_failures(&mut tx, &user.id, CredentialKind::Password).await?;
        }
        let context = Context::anonymous(&proof.account_id, &proof.identifier, self.request);
        record_refusal(&mut tx, &context, user, proof.method, &refused).await?;
        tx.commit().await?;
        Ok(refused)
    }

    /// Loads the user whose proof waits in the flow, provided that nothing has changed and that the account's rules
    /// still admit them. A refusal by the rules ends the flow and is recorded.
    pub(super) async fn load_pending_user(
        &self,
        mut tx: Tx,
        proof: &Proof,
    ) -> Result<(Tx, AdmittedUser), SignInError> {
        match next_step::load_pending_user(&mut tx, self.flow, proof).await {
            Ok(admitted) => Ok((tx, admitted)),
            Err(SignInError::FlowEnded) => Err(SignInError::FlowEnded),
            Err(error) if error.is_refusal() => {
                let user = next_step::find_pending_record(&mut tx, proof).await?.user;
                Err(self.refuse_proof(tx, proof, user.as_ref(), false, error).await?)
            }
            Err(error) => Err(error),
        }
    }

    /// Like `complete_proof` in the caller's transaction, for a proof that no flow waited for, such as a
    /// link from a mail or a passkey. A refusal is recorded in the transaction, which the caller commits in
    /// either case.
    pub(crate) async fn complete_in_transaction(
        &self,
        tx: &mut Tx,
        proof: Proof,
    ) -> Result<SignInOutcome, SignInError> {
        let record = find_record_of(tx, &proof).await?;
        self.complete_with_record(tx, proof, record).await
    }

    pub(super) async fn complete_with_record(
        &self,
        tx: &mut Tx,
        proof: Proof,
        record: SignInRecord,
    ) -> Result<SignInOutcome, SignInError> {
        let admitted = match admit_user(tx, self, &proof, &record).await {
            Ok(admitted) => admitted,
            Err(error) => {
                if error.is_refusal() {
                    let context = Context::anonymous(&proof.account_id, &proof.identifier, self.request);
                    record_refusal(tx, &context, record.user.as_ref(), proof.method, &error).await?;
                }
                return Err(error);
            }
        };
        let password_fingerprint = record.password.map(|row| tokens::hash(&row.hash));
        match self.advance(tx, &admitted, Proof { password_fingerprint, ..proof }).await {
            Err(SignInError::FlowEnded) => Err(SignInError::Inactive),
            other => other,
        }
    }

    /// Creates the session, or stores the proof in the flow until the missing step is done.
    pub(super) async fn advance(
        &self,
        tx: &mut Tx,
        admitted: &AdmittedUser,
        mut proof: Proof,
    ) -> Result<SignInOutcome, SignInError> {
        let Self { flow, browser, .. } = self;
        if let Some(step) = next_step::find_next_step(tx, *browser, admitted, &mut proof).await? {
            let flow_id = start::persist(tx, flow, browser.secret).await?;
            let OpaqueToken { secret, hash } = OpaqueToken::generate(OpaqueTokenKind::Flow);
            let pending = PendingProof {
                flow_id: &flow_id,
                previous_step: flow.pending_step(),
                next_step: step,
                proof: &proof,
                user_epoch: admitted.user.epoch,
                browser_hash: hash,
            };
            let until = tx.now().plus(LIFETIME);
            if !store::save_pending(tx, &pending, until).await? {
                return Err(SignInError::FlowEnded);
            }
            let cookie = browser.step_cookie_with(&secret);
            return Ok(SignInOutcome::StepRequired(RequiredStep { step, flow_id, cookie }));
        }
        if !store::consume(tx, &flow.id).await? {
            return Err(SignInError::FlowEnded);
        }
        let changed = self.follow_address(tx, admitted, &proof).await?;
        let user = changed.as_ref().unwrap_or(&admitted.user);
        let hash = admitted.expected_hash.as_deref();
        let session = sessions::create(tx, user, &proof, hash, self.request).await?;
        // The password was changed, the user was deactivated or a factor was added since they were loaded.
        let session_secret = session.ok_or(SignInError::FlowEnded)?;
        if let Some(replaced) = browser.session_secret {
            sessions::end_replaced(tx, self.request, replaced).await?;
        }
        record_success(tx, self.request, user, &proof).await?;
        Ok(SignInOutcome::Complete(CompletedSignIn {
            session_secret,
            return_to: flow.return_to.clone(),
            password_expires_at: match admitted.password_status {
                PasswordStatus::ExpiresAt(end) => Some(end),
                PasswordStatus::Valid | PasswordStatus::Expired => None,
            },
            ..CompletedSignIn::default()
        }))
    }
}

pub(super) async fn find_record_of(tx: &mut Tx, proof: &Proof) -> Result<SignInRecord, sqlx::Error> {
    lookup::find_record(tx, &proof.account_id, LookupBy::of_proof(proof), "").await
}
