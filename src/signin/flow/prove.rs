//! Proving who one is with a password.
//!
//! Wrong, unknown, locked and deactivated do the same work in the same order: one look-up, one counted
//! attempt, one hash, one write. Only the trail knows which it was.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::lockout::{self, Attempt, Counted, Factor};
use super::super::password::{
    self, Password, Place, PrepareError, Standing, Stored, Way, store as passwords,
};
use super::super::somebody::{self, Meant, Somebody};
use super::super::{Method, Proof, SignIn, Subject, notices, sessions};
use super::cookies::Browser;
use super::finish::{self, Known, Passage, Proved, RightPassword};
use super::model::{Demand, Flow};
use super::refused::Refused;
use crate::access::Principal;
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::{self, Settings};
use crate::directory::users::{self, User};
use crate::directory::{Error, fold};
use crate::kernel::database::{Connection, Durability, Left};
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, Tx, tokens};

/// Whom a password is checked for.
struct Candidate {
    /// Empty when no account is known.
    account_id: String,
    /// The user's id, or what stands for nobody.
    key: String,
    somebody: Somebody,
}

impl Candidate {
    /// Looks the flow's identifier up. Without an account, the one account that knows the address is
    /// taken: on a server with several, an address in two needs the account's name.
    async fn of_flow(c: &mut Connection, flow: &Flow) -> Result<Self, sqlx::Error> {
        let account_id = match &flow.account_id {
            Some(id) => id.clone(),
            None => users::sole_by_email_anywhere(c, &flow.identifier).await?.unwrap_or_default(),
        };
        Self::find(c, &account_id, (Meant::Name(&flow.identifier), &flow.identifier)).await
    }

    /// Looks up who is meant, and calls themselves `name`.
    async fn find(
        c: &mut Connection,
        account_id: &str,
        (meant, name): (Meant<'_>, &str),
    ) -> Result<Self, sqlx::Error> {
        let decoy = lockout::decoy(&fold(name));
        let somebody = somebody::find(c, account_id, meant, &decoy).await?;
        let key = somebody.user.as_ref().map_or(decoy, |user| user.id.clone());
        Ok(Self { account_id: account_id.to_owned(), key, somebody })
    }

    /// Looks somebody up who is signed in.
    async fn of(c: &mut Connection, principal: &Principal) -> Result<Self, sqlx::Error> {
        Self::find(c, &principal.account_id, (Meant::User(&principal.id), &principal.name)).await
    }

    fn attempt(&self) -> Attempt<'_> {
        Attempt { account_id: &self.account_id, key: &self.key, factor: Factor::Password }
    }
}

/// Checks a password for the flow's identifier and, when it is right, finishes.
///
/// # Errors
/// [`Refused`]. Unknown, wrong, locked, inactive: the caller must make them look alike.
pub async fn prove_password(
    signin: &SignIn,
    request: &RequestContext,
    (flow, browser): (&Flow, Browser<'_>),
    password: &Password,
    method: Method,
) -> Result<Proved, Refused> {
    // Room for the hash first: an attempt that cannot be checked must not count.
    let place = signin.hasher.admit()?;
    let mut tx = begin_attempt(signin).await?;
    let candidate = Candidate::of_flow(&mut tx, flow).await?;
    let attempt = count(signin, request, &candidate, tx).await?;
    let meant = (&candidate, flow.identifier.as_str(), attempt);
    let (user, right) = check(signin, request, place, meant, (password, method)).await?;
    let proof = Proof::password(user, method);
    let Somebody { settings, enrolled, .. } = &candidate.somebody;
    let known =
        Known { user: user.clone(), settings: settings.clone(), right: Some(right), enrolled: *enrolled };
    finish::conclude(signin, request, (flow, browser), proof, Some(known)).await
}

/// Checks the password of somebody who is signed in, before something that needs a recent proof, and
/// gives their session a new secret.
///
/// # Errors
/// [`Refused`]; [`Refused::FlowEnded`] when the session is over.
pub async fn confirm_password(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
    password: &Password,
) -> Result<String, Refused> {
    let place = signin.hasher.admit()?;
    let mut tx = begin_attempt(signin).await?;
    let candidate = Candidate::of(&mut tx, principal).await?;
    let attempt = count(signin, request, &candidate, tx).await?;
    let meant = (&candidate, principal.name.as_str(), attempt);
    let (user, _) = check(signin, request, place, meant, (password, Method::Password)).await?;
    let mut tx = signin.kernel.db.begin().await?;
    lockout::forgive(&mut tx, &user.id, Factor::Password).await?;
    tx.commit().await?;
    confirm_elsewhere(signin, request, principal).await
}

/// Gives the session of somebody who has just proved again who they are a new secret.
///
/// # Errors
/// [`Refused::FlowEnded`] when the session is over.
pub async fn confirm_elsewhere(
    signin: &SignIn,
    request: &RequestContext,
    principal: &Principal,
) -> Result<String, Refused> {
    let mut tx = signin.kernel.db.begin().await?;
    let renewed = sessions::renew(&mut tx, &principal.context(request), principal, None).await?;
    let secret = renewed.ok_or(Refused::FlowEnded)?;
    tx.commit().await?;
    Ok(secret)
}

/// One hash for an attempt that was counted. A right password gives the user and what is known of the password;
/// everything else is written down.
async fn check<'c>(
    signin: &SignIn,
    request: &RequestContext,
    place: Place<'_>,
    (candidate, name, attempt): (&'c Candidate, &str, Begun),
    (password, method): (&Password, Method),
) -> Result<(&'c User, RightPassword), Refused> {
    let Somebody { user, password: row, .. } = &candidate.somebody;
    let row = row.as_ref().filter(|_| attempt.counted != Counted::Locked);
    let stored = row.and_then(|row| Stored::parse(&row.hash).ok()).map(Arc::new);
    let is_current = stored.as_deref().is_some_and(Stored::is_current);
    let right = place.verify(password, stored).await?;
    let (Some(user), Some(row), true) = (user, row, right) else {
        return Err(refuse(signin, request, (candidate, name), method, attempt).await?);
    };
    signin.throttle.forgive(guesser(request, candidate));
    let right = RightPassword {
        new_hash: if is_current { None } else { place.hash(password).await.ok() },
        old_hash: row.hash.clone(),
        changed_at: row.changed_at,
    };
    Ok((user, right))
}

/// Begins the unit of work in which an attempt is counted, after a look at who is meant. A count that is lost in a
/// power cut is a guess more for somebody, once.
async fn begin_attempt(signin: &SignIn) -> Result<Tx, sqlx::Error> {
    signin.kernel.db.begin_one(Durability::Soon).await
}

/// An attempt that is counted, and is on disk before anybody hears that it was wrong.
struct Begun {
    counted: Counted,
    left: Left,
}

/// Counts an attempt before it is checked.
async fn count(
    signin: &SignIn,
    request: &RequestContext,
    candidate: &Candidate,
    mut tx: Tx,
) -> Result<Begun, Refused> {
    let settings = &candidate.somebody.settings.lockout;
    signin.throttle.guess(guesser(request, candidate), settings.attempts).map_err(Refused::Throttled)?;
    let counted = lockout::count(&mut tx, candidate.attempt(), settings).await?;
    Ok(Begun { counted, left: tx.leave().await? })
}

/// Writes down that somebody did not get in, and locks the user if it was the last attempt.
async fn refuse(
    signin: &SignIn,
    request: &RequestContext,
    (candidate, name): (&Candidate, &str),
    method: Method,
    Begun { counted, left }: Begun,
) -> Result<Refused, Refused> {
    let mut tx = signin.kernel.db.begin().await?;
    let refused = if counted == Counted::Locked { Refused::Locked } else { Refused::WrongPassword };
    let Some(user) = &candidate.somebody.user else {
        // No event: a trail anybody can write to is a trail nobody reads.
        lockout::touch(&mut tx, candidate.attempt()).await?;
        tx.commit().await?;
        left.wait().await?;
        finish::count_outcome(method, "refused");
        tracing::info!("sign-in with an unknown name");
        return Ok(refused);
    };
    let context = Context::anonymous(&user.account_id, name, request);
    finish::refuse(&mut tx, &context, Some(user), method, &refused).await?;
    if let Counted::May { locks_until: Some(until) } = counted {
        lock(signin, &mut tx, &context, user, (Factor::Password, until)).await?;
    }
    tx.commit().await?;
    left.wait().await?;
    if matches!(counted, Counted::May { locks_until: Some(_) }) {
        metrics::counter!("vestibule_lockouts_total").increment(1);
        signin.kernel.mail_wake.notify_one();
    }
    Ok(refused)
}

/// A password that is checked elsewhere, counted before it is.
pub struct Guess {
    candidate: Candidate,
    name: String,
    method: Method,
    attempt: Begun,
    /// The candidate was found by the name that the connection's provider never gives to anybody else.
    recognised: bool,
}

impl Guess {
    /// Counts the attempt on the user who is `subject` at the connection, or else on whoever has the address or
    /// name in its account.
    ///
    /// # Errors
    /// [`Refused::Throttled`], the database's.
    pub async fn begin(
        signin: &SignIn,
        request: &RequestContext,
        (account_id, connection_id): (&str, &str),
        (subject, name): (Option<&Subject>, &str),
        method: Method,
    ) -> Result<Self, Refused> {
        let mut tx = begin_attempt(signin).await?;
        if let Some(subject) = subject {
            let meant = (Meant::Subject(connection_id, subject), name);
            let candidate = Candidate::find(&mut tx, account_id, meant).await?;
            if let Some(user) = &candidate.somebody.user {
                let name = user.user_name.clone();
                let guess = Self::count((signin, tx), request, (candidate, name), method).await?;
                return Ok(Self { recognised: true, ..guess });
            }
        }
        let candidate = Candidate::find(&mut tx, account_id, (Meant::Name(name), name)).await?;
        Self::count((signin, tx), request, (candidate, name.to_owned()), method).await
    }

    /// The same for somebody who is signed in.
    ///
    /// # Errors
    /// [`Refused::Throttled`], the database's.
    pub async fn of(
        signin: &SignIn,
        request: &RequestContext,
        principal: &Principal,
        method: Method,
    ) -> Result<Self, Refused> {
        let mut tx = begin_attempt(signin).await?;
        let candidate = Candidate::of(&mut tx, principal).await?;
        Self::count((signin, tx), request, (candidate, principal.name.clone()), method).await
    }

    async fn count(
        (signin, tx): (&SignIn, Tx),
        request: &RequestContext,
        (candidate, name): (Candidate, String),
        method: Method,
    ) -> Result<Self, Refused> {
        let attempt = count(signin, request, &candidate, tx).await?;
        Ok(Self { candidate, name, method, attempt, recognised: false })
    }

    /// The address of the user, or what they call themselves.
    #[must_use]
    pub fn address(&self) -> &str {
        self.candidate.somebody.user.as_ref().and_then(|user| user.email.as_deref()).unwrap_or(&self.name)
    }

    /// Whether the password may be tried: not while the user is locked.
    #[must_use]
    pub fn may_try(&self) -> bool {
        self.attempt.counted != Counted::Locked
    }

    /// It was wrong: written down, and why it is refused.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed(self, signin: &SignIn, request: &RequestContext) -> Result<Refused, Refused> {
        refuse(signin, request, (&self.candidate, &self.name), self.method, self.attempt).await
    }

    /// It was right, and its owner does not come in for this reason.
    ///
    /// # Errors
    /// The database's.
    pub async fn refused(
        self,
        signin: &SignIn,
        request: &RequestContext,
        refused: Refused,
    ) -> Result<Refused, Refused> {
        let mut tx = signin.kernel.db.begin().await?;
        let user = self.candidate.somebody.user.as_ref();
        if let Some(user) = user {
            lockout::forgive(&mut tx, &user.id, Factor::Password).await?;
        }
        let context = Context::anonymous(&self.candidate.account_id, &self.name, request);
        finish::refuse(&mut tx, &context, user, self.method, &refused).await?;
        tx.commit().await?;
        Ok(refused)
    }

    /// It was right: the attempts before are forgotten.
    ///
    /// # Errors
    /// The database's.
    pub async fn forgive(&self, signin: &SignIn, request: &RequestContext) -> Result<(), Refused> {
        signin.throttle.forgive(guesser(request, &self.candidate));
        let mut tx = signin.kernel.db.begin().await?;
        lockout::forgive(&mut tx, &self.candidate.key, Factor::Password).await?;
        Ok(tx.commit().await?)
    }

    /// It was right, and `proof` is what it proves: the attempts before are forgotten and the flow is finished, in one
    /// unit of work.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn finish(
        self,
        signin: &SignIn,
        request: &RequestContext,
        (flow, browser): (&Flow, Browser<'_>),
        proof: Proof,
    ) -> Result<Proved, Refused> {
        signin.throttle.forgive(guesser(request, &self.candidate));
        let proof = Proof { forgiven: Some(self.candidate.key), ..proof };
        // Who was found by a name they write may be somebody else at the provider.
        let found = self.recognised.then_some(self.candidate.somebody);
        let known = found.and_then(|somebody| Known::of(somebody, &proof));
        finish::conclude(signin, request, (flow, browser), proof, known).await
    }
}

fn guesser<'a>(request: &RequestContext, candidate: &'a Candidate) -> (IpAddr, &'a str) {
    (request.address, candidate.key.as_str())
}

/// The lock itself is in the counter already; this tells of it.
pub(super) async fn lock(
    signin: &SignIn,
    tx: &mut Tx,
    context: &Context,
    user: &User,
    (factor, until): (Factor, Timestamp),
) -> Result<(), Error> {
    let account = accounts::by_id(tx, &user.account_id).await?.ok_or(Error::NotFound("account"))?;
    let detail = serde_json::json!({"factor": factor.as_str(), "until": until});
    let event = Event::new(Action::UserLock, "user", &user.id, &user.user_name).detail(detail);
    audit::record(tx, context, event).await?;
    notices::locked(&signin.kernel, tx, &account, user, (factor, until, &context.address)).await
}

/// The user of a proof that waits in its flow: who it is was settled before it had to wait.
pub(super) async fn user_of(c: &mut Connection, proof: &Proof) -> Result<Option<User>, sqlx::Error> {
    match &proof.user_id {
        Some(id) => users::by_id(c, &proof.account_id, id).await,
        None => Ok(None),
    }
}

/// The user of a proof that waited in its flow, the account's settings and where their password stands, if all
/// is as it was: the user is active and was not deactivated since, the password that was shown is still theirs.
pub(super) async fn parked(
    tx: &mut Tx,
    flow: &Flow,
    proof: &Proof,
) -> Result<(User, Settings, Standing), Refused> {
    let user = user_of(tx, proof).await?;
    let unchanged = |user: &User| user.is_active() && flow.user_epoch == Some(user.epoch);
    let user = user.filter(unchanged).ok_or(Refused::FlowEnded)?;
    let settings = accounts::settings_of(&mut *tx, &user.account_id).await?;
    let Some(shown) = &proof.password else { return Ok((user, settings, Standing::Valid)) };
    let row = passwords::of_user(tx, &user.id).await?;
    let row = row.filter(|row| tokens::same(&tokens::hash(&row.hash), shown)).ok_or(Refused::FlowEnded)?;
    let standing = password::standing(&settings.password, row.changed_at, tx.now());
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
    Refused(#[from] Refused),
}

/// Replaces an ended password in a flow that demands it, and finishes the flow.
///
/// # Errors
/// [`NewPasswordError`].
pub async fn replace_ended_password(
    signin: &SignIn,
    request: &RequestContext,
    (flow, browser): (&Flow, Browser<'_>),
    password: &Password,
) -> Result<Proved, NewPasswordError> {
    let proof = flow.proof().filter(|_| flow.demand() == Some(Demand::NewPassword));
    let proof = proof.ok_or(Refused::FlowEnded)?;
    let mut c = signin.kernel.db.read().await.map_err(Refused::from)?;
    let user = user_of(&mut c, &proof).await.map_err(Refused::from)?;
    let user = user.ok_or(Refused::FlowEnded)?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await.map_err(Refused::from)?;
    drop(c);
    // It ended, so it cannot be chosen again, whatever the history's length.
    let mut rules = settings.password;
    rules.history = rules.history.max(1);
    let person = password::Person::from(&user);
    let hash = password::prepare(signin, &rules, password, &person, Some(&user.id)).await?;

    let finished = async {
        let mut tx = signin.kernel.db.begin().await?;
        // Whoever knows an ended password only must not undo what its owner has done about it meanwhile.
        let (user, settings, standing) = parked(&mut tx, flow, &proof).await?;
        if standing != Standing::Expired {
            return Err(Refused::FlowEnded);
        }
        let context = finish::own_context(&user, request);
        password::set(&signin.kernel, &mut tx, &context, &user, (&hash, Way::Expired)).await?;
        sessions::revoke_all(&mut tx, &context, &user, "").await?;
        let passage = Passage::new(request, (flow, browser), &user, &settings);
        let proof = Proof { password: Some(tokens::hash(&hash)), ..proof };
        let proved = finish::go_on(&mut tx, &passage, proof, (Standing::Valid, Some(&hash))).await?;
        tx.commit().await?;
        signin.kernel.mail_wake.notify_one();
        Ok(proved)
    };
    Ok(finished.await?)
}
