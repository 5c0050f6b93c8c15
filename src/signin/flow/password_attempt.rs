//! One password attempt: looked up, counted, checked, and recorded when it fails.
//!
//! Wrong passwords, unknown names, locked users and deactivated users cause the same work in the same
//! order: one lookup, one counted attempt, one hash, one write. Only the audit trail distinguishes them.

use std::sync::Arc;

use super::complete::VerifiedPassword;
use super::model::Flow;
use super::outcome_record::{count_outcome, record_refusal};
use crate::access::Principal;
use crate::audit::Context;
use crate::directory::fold_case;
use crate::kernel::AccountId;
use crate::kernel::database::{DbConn, PendingCommit, PooledDbConn};
use crate::kernel::http::RequestContext;
use crate::signin::lockout::{self, Attempt, AttemptDecision, CredentialKind, LockNotice};
use crate::signin::lookup::{self, LookupBy, SignInRecord};
use crate::signin::password::{HashPermit, Password, StoredHash};
use crate::signin::{Method, SignIn, SignInError};

/// The user whose password is checked, if there is one.
pub(super) struct Candidate {
    /// Empty when the account is unknown.
    pub(super) account_id: AccountId,
    /// The user's id, or a decoy key if there is no user.
    pub(super) lockout_key: String,
    pub(super) record: SignInRecord,
}

impl Candidate {
    /// Looks up the flow's identifier in the flow's account. Without an account, no user is found: an address says
    /// nothing about the account, as any administrator can enter it.
    pub(super) async fn of_flow(c: &mut DbConn, flow: &Flow) -> Result<Self, sqlx::Error> {
        let account_id = flow.account_id.clone().unwrap_or_default();
        Self::find(c, &account_id, LookupBy::Identifier(&flow.identifier), &flow.identifier).await
    }

    /// Looks up the principal of a session.
    pub(super) async fn of_principal(c: &mut DbConn, principal: &Principal) -> Result<Self, sqlx::Error> {
        Self::find(c, &principal.account_id, LookupBy::UserId(&principal.user_id()), &principal.name).await
    }

    /// Looks up a user. `identifier` is the typed name, which selects the decoy key.
    pub(super) async fn find(
        c: &mut DbConn,
        account_id: &AccountId,
        lookup_by: LookupBy<'_>,
        identifier: &str,
    ) -> Result<Self, sqlx::Error> {
        let decoy = lockout::decoy_key(&fold_case(identifier));
        let record = lookup::find_record(c, account_id, lookup_by, &decoy).await?;
        let lockout_key = record.user.as_ref().map_or(decoy, |user| String::from(&user.id));
        Ok(Self { account_id: account_id.to_owned(), lockout_key, record })
    }

    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            account_id: &self.account_id,
            key: &self.lockout_key,
            credential_kind: CredentialKind::Password,
        }
    }
}

/// An attempt that was counted and is not checked yet.
pub(super) struct PasswordAttempt<'a> {
    pub(super) signin: &'a SignIn,
    pub(super) request: &'a RequestContext,
    pub(super) candidate: Candidate,
    /// The name that the audit trail shows for the attempt.
    pub(super) identifier: String,
    pub(super) method: Method,
    decision: AttemptDecision,
    /// The count, which must be on disk before the client learns that the password was wrong.
    pending_commit: PendingCommit,
}

impl<'a> PasswordAttempt<'a> {
    /// Counts the attempt before the password is checked. `lookup` is the database connection that found
    /// the candidate. It is released before another one is acquired, because requests that each hold one
    /// connection and wait for a second could deadlock.
    pub(super) async fn record(
        signin: &'a SignIn,
        request: &'a RequestContext,
        lookup: PooledDbConn,
        candidate: Candidate,
        identifier: String,
        method: Method,
    ) -> Result<Self, SignInError> {
        let settings = &candidate.record.settings.lockout;
        signin
            .throttle
            .record_password_attempt(request.address, &candidate.lockout_key, settings.attempts)
            .map_err(SignInError::Throttled)?;
        drop(lookup);
        let kernel = &signin.kernel;
        // Losing this count in a power cut allows one more guess.
        let (decision, pending_commit) =
            lockout::record_attempt_alone(&kernel.db, kernel.clock.now(), candidate.attempt(), settings)
                .await?;
        Ok(Self { signin, request, candidate, identifier, method, decision, pending_commit })
    }

    /// Whether the password may be checked, which is not the case while the user is locked.
    pub(super) fn may_check(&self) -> bool {
        self.decision != AttemptDecision::Locked
    }

    /// Verifies the password against the stored hash, or against a decoy if there is none, so that one hash
    /// is computed in either case. A failure is recorded.
    pub(super) async fn verify(
        self,
        permit: HashPermit<'_>,
        password: &Password,
    ) -> Result<(SignInRecord, VerifiedPassword), SignInError> {
        let row = self.candidate.record.password.as_ref().filter(|_| self.may_check());
        let stored = row.and_then(|row| StoredHash::parse(&row.hash).ok()).map(Arc::new);
        let is_current = stored.as_deref().is_some_and(StoredHash::is_current);
        let is_right = permit.verify(password, stored).await?;
        let verified = match row {
            Some(row) if is_right && self.candidate.record.user.is_some() => {
                VerifiedPassword { old_hash: row.hash.clone(), new_hash: None, changed_at: row.changed_at }
            }
            _ => return Err(self.reject().await),
        };
        self.clear_throttle();
        let new_hash = if is_current { None } else { permit.hash(password).await.ok() };
        Ok((self.candidate.record, VerifiedPassword { new_hash, ..verified }))
    }

    /// Clears the throttle's count for this address, because the password was right.
    pub(super) fn clear_throttle(&self) {
        self.signin.throttle.clear_failures(self.request.address, &self.candidate.lockout_key);
    }

    /// Records that the password was wrong or was not checked and, if this was the last allowed attempt,
    /// reports the lock. Returns the refusal, or the error if recording it failed.
    pub(super) async fn reject(self) -> SignInError {
        self.record_rejection().await.unwrap_or_else(|failure| failure)
    }

    async fn record_rejection(self) -> Result<SignInError, SignInError> {
        let Self { signin, request, candidate, identifier, method, decision, pending_commit } = self;
        let mut tx = signin.kernel.db.begin().await?;
        let refused = match decision {
            AttemptDecision::Locked => SignInError::Locked,
            AttemptDecision::Allowed { .. } => SignInError::WrongPassword,
        };
        let Some(user) = &candidate.record.user else {
            // No audit event: anyone could flood the audit trail with unknown names.
            lockout::write_decoy(&mut tx, candidate.attempt()).await?;
            tx.commit().await?;
            pending_commit.wait().await?;
            count_outcome(method, "refused");
            tracing::info!("sign-in attempt with an unknown username");
            return Ok(refused);
        };
        let context = Context::anonymous(&user.account_id, &identifier, request);
        record_refusal(&mut tx, &context, Some(user), method, &refused).await?;
        let locks_until = decision.locks_until();
        if let Some(until) = locks_until {
            let credential_kind = CredentialKind::Password;
            let notice = LockNotice { credential_kind, until, address: &context.address };
            lockout::report_lock(&signin.kernel, &mut tx, &context, user, notice).await?;
        }
        tx.commit().await?;
        pending_commit.wait().await?;
        if locks_until.is_some() {
            metrics::counter!("vestibule_lockouts_total").increment(1);
        }
        Ok(refused)
    }
}
