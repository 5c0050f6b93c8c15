//! Sign-in with a password that a directory checks. The attempt is counted here, like every other.

use super::address::states_another_address;
use super::outcome_record::record_refusal;
use super::password_attempt::{Candidate, PasswordAttempt};
use super::provider_claims;
use super::reauthentication::SessionRequest;
use crate::audit::Context;
use crate::directory::users::User;
use crate::kernel::{AccountId, ConnectionId};
use crate::signin::lockout::{self, CredentialKind};
use crate::signin::lookup::{LookupBy, SignInRecord, SubjectMatch};
use crate::signin::{ExternalSubject, Method, Proof, SignInAttempt, SignInError, SignInOutcome, policy};

/// The user that a directory found for the typed identifier.
pub struct ExternalCandidate<'a> {
    /// The account of the directory's connection.
    pub account_id: &'a AccountId,
    /// The directory's connection.
    pub connection_id: &'a ConnectionId,
    /// The user's subject, if the directory has a permanent identifier for them.
    pub subject: Option<&'a ExternalSubject>,
    /// The user's address in the directory, or else their name there, or else the typed identifier.
    pub identifier: &'a str,
}

/// An attempt with a password that is checked elsewhere. It is counted before the check.
pub struct ExternalPasswordAttempt<'a>(PasswordAttempt<'a>);

impl<'a> ExternalPasswordAttempt<'a> {
    /// Counts an attempt on the user who is linked to the subject, or else on the user with the address or
    /// user name in the account.
    pub async fn begin(
        attempt: &SignInAttempt<'a>,
        candidate: ExternalCandidate<'_>,
        method: Method,
    ) -> Result<Self, SignInError> {
        let ExternalCandidate { account_id, connection_id, subject, identifier } = candidate;
        let mut c = attempt.signin.kernel.db.read().await?;
        let lookup_by = match subject {
            Some(subject) => LookupBy::ExternalSubject { connection_id, subject, identifier },
            None => LookupBy::ConnectionAddress { connection_id, identifier },
        };
        let candidate = Candidate::find(&mut c, account_id, lookup_by, identifier).await?;
        let name = match &candidate.record {
            SignInRecord { user: Some(user), subject_match: SubjectMatch::Linked, .. } => &user.user_name,
            _ => identifier,
        };
        let name = name.to_owned();
        PasswordAttempt::record(attempt.signin, attempt.request, c, candidate, name, method).await.map(Self)
    }

    /// Counts an attempt for the principal of a session, unless they may not sign in with the directory of this
    /// connection.
    pub async fn begin_in_session(
        session: &SessionRequest<'a>,
        connection_id: &ConnectionId,
        method: Method,
    ) -> Result<Self, SignInError> {
        let SessionRequest { signin, request, principal } = *session;
        let mut c = signin.kernel.db.read().await?;
        let candidate = Candidate::of_principal(&mut c, principal).await?;
        let SignInRecord { user, settings, .. } = &candidate.record;
        let user = user.as_ref().ok_or(SignInError::FlowEnded)?;
        let address = user.email_or_user_name();
        let allowed = policy::allowed_methods(&mut c, settings, Some(user), address).await?;
        if !allowed.permits_connection(connection_id) {
            return Err(SignInError::MethodNotAllowed);
        }
        let name = principal.name.clone();
        PasswordAttempt::record(signin, request, c, candidate, name, method).await.map(Self)
    }

    /// The user's address, or the typed identifier if they have none.
    #[must_use]
    pub fn email_or_identifier(&self) -> &str {
        let user = self.0.candidate.record.user.as_ref();
        user.and_then(|user| user.email.as_deref()).unwrap_or(&self.0.identifier)
    }

    /// Whether the password may be checked, which is not the case while the user is locked.
    #[must_use]
    pub fn may_check(&self) -> bool {
        self.0.may_check()
    }

    /// Records that the password was wrong. Returns the refusal, or the error if recording it failed.
    pub async fn record_failure(self) -> SignInError {
        self.0.reject().await
    }

    /// Records that the password was right and the sign-in is refused for another reason. Returns that
    /// reason, or the error if recording it failed.
    pub async fn refuse(self, refused: SignInError) -> SignInError {
        match self.record_refusal(&refused).await {
            Ok(()) => refused,
            Err(failure) => failure.into(),
        }
    }

    async fn record_refusal(self, refused: &SignInError) -> Result<(), sqlx::Error> {
        let PasswordAttempt { signin, request, candidate, identifier, method, .. } = self.0;
        let mut tx = signin.kernel.db.begin().await?;
        let user = candidate.record.user.as_ref();
        if let Some(user) = user {
            lockout::clear_failures(&mut tx, &user.id, CredentialKind::Password).await?;
        }
        let context = Context::anonymous(&candidate.account_id, &identifier, request);
        record_refusal(&mut tx, &context, user, method, refused).await?;
        tx.commit().await
    }

    /// Clears the earlier failures, because the password was right.
    pub async fn clear_failures(&self) -> Result<(), SignInError> {
        self.0.clear_throttle();
        let PasswordAttempt { signin, candidate, .. } = &self.0;
        let mut tx = signin.kernel.db.begin().await?;
        lockout::clear_failures(&mut tx, &candidate.lockout_key, CredentialKind::Password).await?;
        Ok(tx.commit().await?)
    }

    /// Completes the flow with `proof`, because the password was right. The earlier failures are cleared in
    /// the same transaction.
    pub async fn complete(
        self,
        attempt: &SignInAttempt<'_>,
        proof: Proof,
    ) -> Result<SignInOutcome, SignInError> {
        self.0.clear_throttle();
        let Candidate { lockout_key, record, .. } = self.0.candidate;
        let proof = Proof { clear_failures_of: Some(lockout_key), ..proof };
        let record = is_fresh_enough(&record, &proof).then_some(record);
        attempt.complete_proof(proof, record, None).await
    }
}

fn changes_user(user: &User, proof: &Proof) -> bool {
    provider_claims::changes_profile(user, proof) || states_another_address(user, proof)
}

/// Whether a record from before the password check is recent enough to complete the sign-in: its subject is
/// linked to an active user whose profile the proof does not change. A record that a write depends on must
/// be loaded in the transaction that writes.
fn is_fresh_enough(record: &SignInRecord, proof: &Proof) -> bool {
    record.subject_match == SubjectMatch::Linked
        && record.user.as_ref().is_some_and(|user| user.is_active() && !changes_user(user, proof))
}
