//! Proving who one is with a password.
//!
//! Wrong, unknown, locked and deactivated do the same work in the same order: one look-up, one counted
//! attempt, one hash, one write. Only the trail knows which it was.

use std::sync::Arc;

use super::complete::{self, Prefetched, SignInContext, SignInOutcome, VerifiedPassword};
use super::cookies::BrowserBinding;
use super::error::SignInError;
use super::model::{Flow, NextStep};
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::{self, AuthenticationSettings};
use crate::directory::users::{self, User};
use crate::directory::{Error, fold_case};
use crate::kernel::database::{DbConn, PendingCommit, PooledDbConn};
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, Tx, tokens};
use crate::signin::lockout::{self, Attempt, AttemptDecision, CredentialKind};
use crate::signin::lookup::{self, LookupBy, SignInRecord};
use crate::signin::password::{
    self, HashPermit, Password, PasswordChangeReason, PasswordStatus, PrepareError, StoredHash,
    store as passwords,
};
use crate::signin::{ExternalSubject, Method, Proof, SignIn, notifications, sessions};

/// Whom a password is checked for.
struct Candidate {
    /// Empty when no account is known.
    account_id: String,
    /// The user's id, or what stands for nobody.
    lockout_key: String,
    record: SignInRecord,
}

impl Candidate {
    /// Looks the flow's identifier up. Without an account, the one account that knows the address is
    /// taken: on a server with several, an address in two needs the account's name.
    async fn of_flow(c: &mut DbConn, flow: &Flow) -> Result<Self, sqlx::Error> {
        let account_id = match &flow.account_id {
            Some(id) => id.clone(),
            None => users::find_unique_account_by_email(c, &flow.identifier).await?.unwrap_or_default(),
        };
        Self::find(c, &account_id, LookupBy::Identifier(&flow.identifier), &flow.identifier).await
    }

    /// Looks up who is meant, and calls themselves `name`.
    async fn find(
        c: &mut DbConn,
        account_id: &str,
        lookup_by: LookupBy<'_>,
        name: &str,
    ) -> Result<Self, sqlx::Error> {
        let decoy = lockout::decoy_key(&fold_case(name));
        let somebody = lookup::find_record(c, account_id, lookup_by, &decoy).await?;
        let key = somebody.user.as_ref().map_or(decoy, |user| user.id.clone());
        Ok(Self { account_id: account_id.to_owned(), lockout_key: key, record: somebody })
    }

    /// Looks somebody up who is signed in.
    async fn of_principal(c: &mut DbConn, principal: &Principal) -> Result<Self, sqlx::Error> {
        Self::find(c, &principal.account_id, LookupBy::UserId(&principal.id), &principal.name).await
    }

    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            account_id: &self.account_id,
            key: &self.lockout_key,
            credential_kind: CredentialKind::Password,
        }
    }
}

/// Checks a password for the flow's identifier and, when it is right, finishes.
pub async fn sign_in_with_password(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    browser: BrowserBinding<'_>,
    password: &Password,
    method: Method,
) -> Result<SignInOutcome, SignInError> {
    // Room for the hash first: an attempt that cannot be checked must not count.
    let permit = signin.hasher.acquire()?;
    let mut c = signin.kernel.db.read().await?;
    let candidate = Candidate::of_flow(&mut c, flow).await?;
    let attempt = record_attempt(signin, request, &candidate, c).await?;
    let meant = (&candidate, flow.identifier.as_str(), attempt);
    let (user, right) = check_password(signin, request, permit, meant, (password, method)).await?;
    let proof = Proof::from_password(user, method);
    let SignInRecord { settings, is_enrolled: enrolled, .. } = &candidate.record;
    let prefetched = Prefetched {
        user: user.clone(),
        settings: settings.clone(),
        verified_password: Some(right),
        is_enrolled: *enrolled,
    };
    complete::complete_with(signin, request, flow, browser, proof, Some(prefetched)).await
}

/// Checks the password of somebody who is signed in, before something that needs a recent proof, and
/// gives their session a new secret.
pub async fn confirm_password(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
    password: &Password,
) -> Result<String, SignInError> {
    let permit = signin.hasher.acquire()?;
    let mut c = signin.kernel.db.read().await?;
    let candidate = Candidate::of_principal(&mut c, principal).await?;
    let attempt = record_attempt(signin, request, &candidate, c).await?;
    let meant = (&candidate, principal.name.as_str(), attempt);
    let (user, _) = check_password(signin, request, permit, meant, (password, Method::Password)).await?;
    let mut tx = signin.kernel.db.begin().await?;
    lockout::clear_failures(&mut tx, &user.id, CredentialKind::Password).await?;
    tx.commit().await?;
    renew_after_external_check(signin, request, principal).await
}

/// Gives the session of somebody who has just proved again who they are a new secret.
pub async fn renew_after_external_check(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
) -> Result<String, SignInError> {
    let mut tx = signin.kernel.db.begin().await?;
    let renewed = sessions::renew(&mut tx, &principal.context(request), principal, None).await?;
    let secret = renewed.ok_or(SignInError::FlowEnded)?;
    tx.commit().await?;
    Ok(secret)
}

/// One hash for an attempt that was counted. A right password gives the user and what is known of the password;
/// everything else is written down.
async fn check_password<'c>(
    signin: &SignIn,
    request: &RequestContext,
    permit: HashPermit<'_>,
    (candidate, name, attempt): (&'c Candidate, &str, RecordedAttempt),
    (password, method): (&Password, Method),
) -> Result<(&'c User, VerifiedPassword), SignInError> {
    let SignInRecord { user, password: row, .. } = &candidate.record;
    let row = row.as_ref().filter(|_| attempt.decision != AttemptDecision::Locked);
    let stored = row.and_then(|row| StoredHash::parse(&row.hash).ok()).map(Arc::new);
    let is_current = stored.as_deref().is_some_and(StoredHash::is_current);
    let right = permit.verify(password, stored).await?;
    let (Some(user), Some(row), true) = (user, row, right) else {
        return Err(reject_attempt(signin, request, candidate, name, method, attempt).await?);
    };
    signin.throttle.clear_failures(request.address, &candidate.lockout_key);
    let right = VerifiedPassword {
        new_hash: if is_current { None } else { permit.hash(password).await.ok() },
        old_hash: row.hash.clone(),
        changed_at: row.changed_at,
    };
    Ok((user, right))
}

/// An attempt that is counted, and is on disk before anybody hears that it was wrong.
struct RecordedAttempt {
    decision: AttemptDecision,
    pending_commit: PendingCommit,
}

/// Counts an attempt before it is checked. `lookup` is the connection that the candidate was found with: it goes back
/// before another is asked for, since requests that each held one and wanted a second would wait for one another.
async fn record_attempt(
    signin: &SignIn,
    request: &RequestContext,
    candidate: &Candidate,
    lookup: PooledDbConn,
) -> Result<RecordedAttempt, SignInError> {
    let settings = &candidate.record.settings.lockout;
    signin
        .throttle
        .record_password_attempt(request.address, &candidate.lockout_key, settings.attempts)
        .map_err(SignInError::Throttled)?;
    drop(lookup);
    let kernel = &signin.kernel;
    // A count that is lost in a power cut is a guess more, once.
    let (decision, pending_commit) =
        lockout::record_attempt_alone(&kernel.db, kernel.clock.now(), candidate.attempt(), settings).await?;
    Ok(RecordedAttempt { decision, pending_commit })
}

/// Writes down that somebody did not get in, and locks the user if it was the last attempt.
async fn reject_attempt(
    signin: &SignIn,
    request: &RequestContext,
    candidate: &Candidate,
    name: &str,
    method: Method,
    RecordedAttempt { decision: counted, pending_commit: left }: RecordedAttempt,
) -> Result<SignInError, SignInError> {
    let mut tx = signin.kernel.db.begin().await?;
    let refused =
        if counted == AttemptDecision::Locked { SignInError::Locked } else { SignInError::WrongPassword };
    let Some(user) = &candidate.record.user else {
        // No event: a trail anybody can write to is a trail nobody reads.
        lockout::write_decoy(&mut tx, candidate.attempt()).await?;
        tx.commit().await?;
        left.wait().await?;
        complete::count_outcome(method, "refused");
        tracing::info!("sign-in with an unknown name");
        return Ok(refused);
    };
    let context = Context::anonymous(&user.account_id, name, request);
    complete::record_refusal(&mut tx, &context, Some(user), method, &refused).await?;
    if let AttemptDecision::Allowed { locks_until: Some(until) } = counted {
        record_lock(signin, &mut tx, &context, user, CredentialKind::Password, until).await?;
    }
    tx.commit().await?;
    left.wait().await?;
    if matches!(counted, AttemptDecision::Allowed { locks_until: Some(_) }) {
        metrics::counter!("vestibule_lockouts_total").increment(1);
    }
    Ok(refused)
}

/// A password that is checked elsewhere, counted before it is.
pub struct ExternalPasswordAttempt {
    candidate: Candidate,
    name: String,
    method: Method,
    recorded: RecordedAttempt,
    /// The candidate was found by the name that the connection's provider never gives to anybody else.
    found_by_subject: bool,
}

impl ExternalPasswordAttempt {
    /// Counts the attempt on the user who is `subject` at the connection, or else on whoever has the address or
    /// name in its account.
    pub async fn begin(
        signin: &SignIn,
        request: &RequestContext,
        (account_id, connection_id): (&str, &str),
        (subject, name): (Option<&ExternalSubject>, &str),
        method: Method,
    ) -> Result<Self, SignInError> {
        let mut c = signin.kernel.db.read().await?;
        if let Some(subject) = subject {
            let candidate =
                Candidate::find(&mut c, account_id, LookupBy::ExternalSubject(connection_id, subject), name)
                    .await?;
            if let Some(user) = &candidate.record.user {
                let name = user.user_name.clone();
                let guess = Self::record(signin, c, request, candidate, name, method).await?;
                return Ok(Self { found_by_subject: true, ..guess });
            }
        }
        let candidate = Candidate::find(&mut c, account_id, LookupBy::Identifier(name), name).await?;
        Self::record(signin, c, request, candidate, name.to_owned(), method).await
    }

    /// The same for somebody who is signed in.
    pub async fn begin_for_principal(
        signin: &SignIn,
        request: &RequestContext,
        principal: &Principal,
        method: Method,
    ) -> Result<Self, SignInError> {
        let mut c = signin.kernel.db.read().await?;
        let candidate = Candidate::of_principal(&mut c, principal).await?;
        Self::record(signin, c, request, candidate, principal.name.clone(), method).await
    }

    async fn record(
        signin: &SignIn,
        lookup: PooledDbConn,
        request: &RequestContext,
        candidate: Candidate,
        name: String,
        method: Method,
    ) -> Result<Self, SignInError> {
        let attempt = record_attempt(signin, request, &candidate, lookup).await?;
        Ok(Self { candidate, name, method, recorded: attempt, found_by_subject: false })
    }

    /// The address of the user, or what they call themselves.
    #[must_use]
    pub fn email_or_identifier(&self) -> &str {
        self.candidate.record.user.as_ref().and_then(|user| user.email.as_deref()).unwrap_or(&self.name)
    }

    /// Whether the password may be tried: not while the user is locked.
    #[must_use]
    pub fn may_try(&self) -> bool {
        self.recorded.decision != AttemptDecision::Locked
    }

    /// It was wrong: written down, and why it is refused.
    pub async fn record_failure(
        self,
        signin: &SignIn,
        request: &RequestContext,
    ) -> Result<SignInError, SignInError> {
        reject_attempt(signin, request, &self.candidate, &self.name, self.method, self.recorded).await
    }

    /// It was right, and its owner does not come in for this reason.
    pub async fn reject(
        self,
        signin: &SignIn,
        request: &RequestContext,
        refused: SignInError,
    ) -> Result<SignInError, SignInError> {
        let mut tx = signin.kernel.db.begin().await?;
        let user = self.candidate.record.user.as_ref();
        if let Some(user) = user {
            lockout::clear_failures(&mut tx, &user.id, CredentialKind::Password).await?;
        }
        let context = Context::anonymous(&self.candidate.account_id, &self.name, request);
        complete::record_refusal(&mut tx, &context, user, self.method, &refused).await?;
        tx.commit().await?;
        Ok(refused)
    }

    /// It was right: the attempts before are forgotten.
    pub async fn clear_failures(&self, signin: &SignIn, request: &RequestContext) -> Result<(), SignInError> {
        signin.throttle.clear_failures(request.address, &self.candidate.lockout_key);
        let mut tx = signin.kernel.db.begin().await?;
        lockout::clear_failures(&mut tx, &self.candidate.lockout_key, CredentialKind::Password).await?;
        Ok(tx.commit().await?)
    }

    /// It was right, and `proof` is what it proves: the attempts before are forgotten and the flow is finished, in one
    /// unit of work.
    pub async fn complete(
        self,
        signin: &SignIn,
        request: &RequestContext,
        flow: &Flow,
        browser: BrowserBinding<'_>,
        proof: Proof,
    ) -> Result<SignInOutcome, SignInError> {
        signin.throttle.clear_failures(request.address, &self.candidate.lockout_key);
        let proof = Proof { clear_failures_of: Some(self.candidate.lockout_key), ..proof };
        // Who was found by a name they write may be somebody else at the provider.
        let found = self.found_by_subject.then_some(self.candidate.record);
        let known = found.and_then(|somebody| Prefetched::if_unchanged(somebody, &proof));
        complete::complete_with(signin, request, flow, browser, proof, known).await
    }
}

/// The lock itself is in the counter already; this tells of it.
pub(super) async fn record_lock(
    signin: &SignIn,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    factor: CredentialKind,
    until: Timestamp,
) -> Result<(), Error> {
    let account = accounts::by_id(tx, &user.account_id).await?.ok_or(Error::NotFound("account"))?;
    let detail = serde_json::json!({"factor": factor.as_str(), "until": until});
    let event = Event::new(Action::UserLock, "user", &user.id, &user.user_name).detail(detail);
    audit::record(tx, context, event).await?;
    notifications::user_locked(&signin.kernel, tx, &account, user, (factor, until, &context.address)).await
}

/// The user of a proof that waits in its flow: who it is was settled before it had to wait.
pub(super) async fn user_of_proof(c: &mut DbConn, proof: &Proof) -> Result<Option<User>, sqlx::Error> {
    match &proof.user_id {
        Some(id) => users::by_id(c, &proof.account_id, id).await,
        None => Ok(None),
    }
}

/// The user of a proof that waited in its flow, the account's settings and where their password stands, if all
/// is as it was: the user is active and was not deactivated since, the password that was shown is still theirs.
pub(super) async fn load_pending_user(
    tx: &mut Tx,
    flow: &Flow,
    proof: &Proof,
) -> Result<(User, AuthenticationSettings, PasswordStatus), SignInError> {
    let user = user_of_proof(tx, proof).await?;
    let unchanged = |user: &User| user.is_active() && flow.user_epoch == Some(user.epoch);
    let user = user.filter(unchanged).ok_or(SignInError::FlowEnded)?;
    let settings = accounts::settings_of(&mut *tx, &user.account_id).await?;
    let Some(shown) = &proof.password_fingerprint else { return Ok((user, settings, PasswordStatus::Valid)) };
    let row = passwords::of_user(tx, &user.id).await?;
    let row = row
        .filter(|row| tokens::constant_time_eq(&tokens::hash(&row.hash), shown))
        .ok_or(SignInError::FlowEnded)?;
    let standing = password::status(&settings.password, row.changed_at, tx.now());
    Ok((user, settings, standing))
}

/// Why a new password did not open the door.
#[derive(Debug, thiserror::Error)]
pub enum NewPasswordError {
    /// It does not meet the rules, or hashing is busy.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The flow or the account's rules.
    #[error(transparent)]
    SignIn(#[from] SignInError),
}

/// Replaces an ended password in a flow that demands it, and finishes the flow.
pub async fn replace_expired_password(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    browser: BrowserBinding<'_>,
    password: &Password,
) -> Result<SignInOutcome, NewPasswordError> {
    let proof = flow.proof().filter(|_| flow.pending_step() == Some(NextStep::NewPassword));
    let proof = proof.ok_or(SignInError::FlowEnded)?;
    let mut c = signin.kernel.db.read().await.map_err(SignInError::from)?;
    let user = user_of_proof(&mut c, &proof).await.map_err(SignInError::from)?;
    let user = user.ok_or(SignInError::FlowEnded)?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await.map_err(SignInError::from)?;
    drop(c);
    // It ended, so it cannot be chosen again, whatever the history's length.
    let mut rules = settings.password;
    rules.history = rules.history.max(1);
    let person = password::PersonalTerms::from(&user);
    let hash = password::prepare(signin, &rules, password, &person, Some(&user.id)).await?;

    let finished = async {
        let mut tx = signin.kernel.db.begin().await?;
        // Whoever knows an ended password only must not undo what its owner has done about it meanwhile.
        let (user, settings, standing) = load_pending_user(&mut tx, flow, &proof).await?;
        if standing != PasswordStatus::Expired {
            return Err(SignInError::FlowEnded);
        }
        let context = complete::audit_context_of(&user, request);
        password::set(&signin.kernel, &mut tx, &context, &user, &hash, PasswordChangeReason::Expired).await?;
        sessions::revoke_all(&mut tx, &context, &user, "").await?;
        let sign_in = SignInContext::new(request, flow, browser, &user, &settings);
        let proof = Proof { password_fingerprint: Some(tokens::hash(&hash)), ..proof };
        let proved = complete::advance(&mut tx, &sign_in, proof, PasswordStatus::Valid, Some(&hash)).await?;
        tx.commit().await?;
        Ok(proved)
    };
    Ok(finished.await?)
}
