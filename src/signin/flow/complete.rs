//! From a proof to a session, or to the step that is still missing.

use super::admit::admit_user;
use super::model::{AdmittedUser, LIFETIME};
use super::outcome_record::{record_refusal, record_success};
use super::store::PendingProof;
use super::{next_step, start, store};
use crate::audit::Context;
use crate::kernel::{Timestamp, Tx, tokens};
use crate::signin::lockout::{self, CredentialKind};
use crate::signin::lookup::{self, LookupBy, SignInRecord};
use crate::signin::password::{self, PasswordStatus};
use crate::signin::{CompletedSignIn, Proof, SignInAttempt, SignInError, SignInOutcome, sessions};

/// A password that was right.
pub(super) struct VerifiedPassword {
    pub(super) old_hash: String,
    /// A hash with today's parameters, where the old one has others.
    pub(super) new_hash: Option<String>,
    pub(super) changed_at: Timestamp,
}

impl VerifiedPassword {
    /// The hash that is stored once it was renewed.
    fn into_current_hash(self) -> String {
        self.new_hash.unwrap_or(self.old_hash)
    }
}

impl SignInAttempt<'_> {
    /// Applies the account's rules to a proof, and begins the session or asks for what is missing.
    ///
    /// Everything is one transaction: the flow ends or moves on, the user may be created, the session begins, the
    /// event is written. Of two requests racing with one flow, one gets in.
    ///
    /// `record`: what was looked up to check `password`. It can be as old as that check; without it the user is
    /// looked up in the transaction.
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
        let mut admitted = match admit_user(&mut tx, self.request, &proof, &record).await {
            Ok(admitted) => admitted,
            Err(error) if error.is_refusal() => {
                return Err(self.refuse_proof(tx, &proof, &record, password.is_some(), error).await?);
            }
            Err(error) => return Err(error),
        };
        // From here on the proof is about this user, whatever becomes of their address.
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

    /// Records that the rules refused a proof; gives the refusal back.
    async fn refuse_proof(
        &self,
        mut tx: Tx,
        proof: &Proof,
        record: &SignInRecord,
        password_was_right: bool,
        refused: SignInError,
    ) -> Result<SignInError, SignInError> {
        // A refused password leaves the flow open for another try, as a wrong one does; a proof that was
        // delivered is used up.
        if self.flow.proof.is_some() && !store::consume(&mut tx, &self.flow.id).await? {
            return Ok(SignInError::FlowEnded);
        }
        let user = record.user.as_ref();
        if let Some(user) = user.filter(|user| user.is_active() && password_was_right) {
            lockout::clear_failures(&mut tx, &user.id, CredentialKind::Password).await?;
        }
        let context = Context::anonymous(&proof.account_id, &proof.identifier, self.request);
        record_refusal(&mut tx, &context, user, proof.method, &refused).await?;
        tx.commit().await?;
        Ok(refused)
    }

    /// The same in the caller's transaction, for a proof that no flow waited for: a link from a mail, a passkey. A
    /// refusal is recorded in the transaction, which the caller commits either way.
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
        let admitted = match admit_user(tx, self.request, &proof, &record).await {
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

    /// Begins the session, or stores the proof in the flow until what is still missing is there.
    pub(super) async fn advance(
        &self,
        tx: &mut Tx,
        admitted: &AdmittedUser,
        mut proof: Proof,
    ) -> Result<SignInOutcome, SignInError> {
        let Self { flow, browser, .. } = self;
        if let Some(step) = next_step::find_next_step(tx, *browser, admitted, &mut proof).await? {
            let id = start::persist(tx, flow, browser.secret).await?;
            let pending = PendingProof {
                flow_id: &id,
                previous_step: flow.pending_step(),
                next_step: step,
                proof: &proof,
                user_epoch: flow.user_epoch.unwrap_or(admitted.user.epoch),
                browser_hash: tokens::hash(browser.secret),
            };
            let until = tx.now().plus(LIFETIME);
            if !store::save_pending(tx, &pending, until).await? {
                return Err(SignInError::FlowEnded);
            }
            return Ok(SignInOutcome::StepRequired(step, id));
        }
        if !store::consume(tx, &flow.id).await? {
            return Err(SignInError::FlowEnded);
        }
        let user = &admitted.user;
        let hash = admitted.expected_hash.as_deref();
        let session = sessions::create(tx, user, &proof, hash, self.request).await?;
        // The password was changed, the user deactivated or a factor added since they were looked up.
        let session_secret = session.ok_or(SignInError::FlowEnded)?;
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
