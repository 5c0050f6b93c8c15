//! From a proof to a session, through the account's rules.

use serde_json::json;

use super::cookies::BrowserBinding;
use super::error::SignInError;
use super::model::{Flow, NextStep};
use super::store::PendingProof;
use super::{provider_claims, start, store};
use crate::access::{self, Role};
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::{self, AuthenticationSettings};
use crate::directory::users::{self, ChangeAuthority, Profile, User};
use crate::directory::{self, domain_of};
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, Tx, database, tokens};
use crate::signin::factors::{self, SecondFactor};
use crate::signin::identities::{self, IdentityMatch};
use crate::signin::lockout::{self, CredentialKind};
use crate::signin::lookup::{self, LookupBy, SignInRecord};
use crate::signin::password::{self, PasswordStatus};
use crate::signin::{Method, Proof, SignIn, sessions};

/// Somebody is in.
#[derive(Debug, Default)]
pub struct CompletedSignIn {
    /// The session's secret, for the cookie.
    pub session_secret: String,
    /// Where they wanted to go.
    pub return_to: String,
    /// When their password ends, if that is soon.
    pub password_expires_at: Option<Timestamp>,
    /// The secret by which this browser is remembered from now on, for its cookie.
    pub device_secret: Option<String>,
    /// Recovery codes they have left, if they used one to get in.
    pub codes_left: Option<i64>,
}

/// What a proof led to.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session.
    Complete(CompletedSignIn),
    /// Something is missing: the flow goes on, under this id, once it is there.
    StepRequired(NextStep, String),
}

/// What is known of a password that was right.
pub(super) struct VerifiedPassword {
    pub(super) old_hash: String,
    /// A hash with today's parameters, where the old one has others.
    pub(super) new_hash: Option<String>,
    pub(super) changed_at: Timestamp,
}

impl VerifiedPassword {
    /// The hash that is stored once it was renewed.
    fn current_hash(&self) -> &str {
        self.new_hash.as_deref().unwrap_or(&self.old_hash)
    }
}

/// What was looked up before the unit of work begins. It may be a hash's time old; that a user was deactivated
/// or the password changed meanwhile shows when the session is written.
pub(super) struct Prefetched {
    pub(super) user: User,
    pub(super) settings: AuthenticationSettings,
    /// The password that was shown, if it was that.
    pub(super) verified_password: Option<VerifiedPassword>,
    /// Whether the user has a second factor. No session begins without one where that has changed meanwhile.
    pub(super) is_enrolled: bool,
}

impl Prefetched {
    /// For a proof of another kind. Only where the person themselves is not written: what is written from must be fresh.
    pub(super) fn if_unchanged(record: SignInRecord, proof: &Proof) -> Option<Self> {
        let SignInRecord { user, settings, is_enrolled: enrolled, .. } = record;
        let user = user.filter(|user| user.is_active() && !provider_claims::changes_profile(user, proof))?;
        Some(Self { user, settings, verified_password: None, is_enrolled: enrolled })
    }
}

/// Somebody whom the rules let in, on the way to a session.
pub(super) struct SignInContext<'a> {
    pub(super) request: &'a RequestContext,
    pub(super) flow: &'a Flow,
    pub(super) browser: BrowserBinding<'a>,
    pub(super) user: &'a User,
    pub(super) settings: &'a AuthenticationSettings,
    /// See [`Known::enrolled`]; `None` when nobody looked.
    pub(super) is_enrolled: Option<bool>,
}

impl<'a> SignInContext<'a> {
    pub(super) fn new(
        request: &'a RequestContext,
        flow: &'a Flow,
        browser: BrowserBinding<'a>,
        user: &'a User,
        settings: &'a AuthenticationSettings,
    ) -> Self {
        Self { request, flow, browser, user, settings, is_enrolled: None }
    }
}

/// Applies the account's rules to a delivered proof and begins a session, or asks for what is missing.
pub async fn complete(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    browser: BrowserBinding<'_>,
    proof: &Proof,
) -> Result<SignInOutcome, SignInError> {
    let prefetched = prefetch(signin, proof).await?;
    complete_with(signin, request, flow, browser, proof.clone(), prefetched).await
}

/// Looks up whom the proof is about while nobody waits for it.
async fn prefetch(signin: &SignIn, proof: &Proof) -> Result<Option<Prefetched>, sqlx::Error> {
    let lookup_by = match (&proof.user_id, &proof.external_subject, &proof.connection_id) {
        (Some(id), ..) => LookupBy::UserId(id),
        (None, Some(subject), Some(connection_id)) => LookupBy::ExternalSubject(connection_id, subject),
        _ => LookupBy::Identifier(&proof.identifier),
    };
    let mut c = signin.kernel.db.read().await?;
    Ok(Prefetched::if_unchanged(lookup::find_record(&mut c, &proof.account_id, lookup_by, "").await?, proof))
}

/// Rules, then the session or the demand for more.
///
/// Everything is one unit of work: the flow ends or moves on, the user may come into being, the session
/// begins, the event is written. Two requests racing with one flow: one gets in.
pub(super) async fn complete_with(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    browser: BrowserBinding<'_>,
    mut proof: Proof,
    prefetched: Option<Prefetched>,
) -> Result<SignInOutcome, SignInError> {
    let context = Context::anonymous(&proof.account_id, &proof.identifier, request);
    let mut tx = signin.kernel.db.begin().await?;
    if let Some(key) = proof.clear_failures_of.take() {
        lockout::clear_failures(&mut tx, &key, CredentialKind::Password).await?;
    }
    let (found, right, enrolled) = match prefetched {
        Some(Prefetched { user, settings, verified_password: right, is_enrolled: enrolled }) => {
            (Some((Ok(Some(user)), settings)), right, Some(enrolled))
        }
        None => (None, None, None),
    };
    let outcome = authorize_sign_in(&mut tx, request, &proof, found).await;
    let (user, settings) = match outcome {
        Ok(admitted) => admitted,
        Err((_, SignInError::Directory(error))) => return Err(error.into()),
        Err((user, refused)) => {
            // A refused password leaves the flow open for another try, as a wrong one does; a
            // delivered proof is spent.
            if flow.proof.is_some() && !store::consume(&mut tx, &flow.id).await? {
                return Err(SignInError::FlowEnded);
            }
            if let Some(user) = user.as_ref().filter(|user| user.is_active() && right.is_some()) {
                lockout::clear_failures(&mut tx, &user.id, CredentialKind::Password).await?;
            }
            record_refusal(&mut tx, &context, user.as_ref(), proof.method, &refused).await?;
            tx.commit().await?;
            return Err(refused);
        }
    };
    let user_context = audit_context_of(&user, request);
    identities::link_or_record_use(&mut tx, &user_context, &user, &proof).await?;
    let user = provider_claims::apply(&mut tx, &user_context, user, &proof).await?;
    // From here on the proof is about this user, whatever becomes of their address.
    proof.user_id.get_or_insert_with(|| user.id.clone());
    let mut password_status = PasswordStatus::Valid;
    if let Some(right) = &right {
        lockout::clear_failures(&mut tx, &user.id, CredentialKind::Password).await?;
        if let Some(new) = &right.new_hash {
            password::store::upgrade(&mut tx, &user.id, &right.old_hash, new).await?;
        }
        proof.password_fingerprint = Some(tokens::hash(right.current_hash()));
        password_status = password::status(&settings.password, right.changed_at, tx.now());
    }
    let sign_in = SignInContext {
        is_enrolled: enrolled,
        ..SignInContext::new(request, flow, browser, &user, &settings)
    };
    let expected_hash = right.as_ref().map(VerifiedPassword::current_hash);
    let proved = advance(&mut tx, &sign_in, proof, password_status, expected_hash).await?;
    tx.commit().await?;
    Ok(proved)
}

/// Begins the session, or parks the flow until what is still missing is there. `unchanged`: the hash that
/// must still be the password's.
pub(super) async fn advance(
    tx: &mut Tx,
    sign_in: &SignInContext<'_>,
    mut proof: Proof,
    password_status: PasswordStatus,
    expected_hash: Option<&str>,
) -> Result<SignInOutcome, SignInError> {
    let SignInContext { request, flow, browser, user, .. } = sign_in;
    if let Some(demand) = next_step(tx, sign_in, &mut proof, password_status).await? {
        let id = start::persist(tx, flow, browser.secret).await?;
        let waiting = PendingProof {
            id: &id,
            previous_step: flow.pending_step(),
            next_step: demand,
            proof: &proof,
            user_epoch: flow.user_epoch.unwrap_or(user.epoch),
            browser_hash: tokens::hash(browser.secret),
        };
        let until = tx.now().plus(start::LIFETIME);
        if !store::save_pending(tx, &waiting, until).await? {
            return Err(SignInError::FlowEnded);
        }
        return Ok(SignInOutcome::StepRequired(demand, id));
    }
    if !store::consume(tx, &flow.id).await? {
        return Err(SignInError::FlowEnded);
    }
    let session = begin_session(tx, request, user, &proof, expected_hash).await?;
    // The password was changed or the user deactivated while the hash was made.
    let session = session.ok_or(SignInError::FlowEnded)?;
    let password_ends_at =
        if let PasswordStatus::ExpiresAt(end) = password_status { Some(end) } else { None };
    let return_to = flow.return_to.clone();
    Ok(SignInOutcome::Complete(CompletedSignIn {
        session_secret: session,
        return_to,
        password_expires_at: password_ends_at,
        ..CompletedSignIn::default()
    }))
}

/// What stands between a proof and a session, first things first. A second factor comes before a new
/// password: who only knows a password must not be able to change it.
async fn next_step(
    tx: &mut Tx,
    sign_in: &SignInContext<'_>,
    proof: &mut Proof,
    password_status: PasswordStatus,
) -> Result<Option<NextStep>, sqlx::Error> {
    let SignInContext { browser, user, settings, .. } = sign_in;
    let rules = &settings.two_factor;
    let is_enrolled = match sign_in.is_enrolled {
        Some(known) => known,
        None => factors::is_enrolled(tx, &user.id).await?,
    };
    if proof.second_factor.is_none() && is_enrolled {
        let now = tx.now();
        if !factors::is_browser_remembered(tx, rules, user, browser.device_secret, now).await? {
            return Ok(Some(NextStep::SecondFactor));
        }
        proof.second_factor = Some(SecondFactor::Device);
    }
    if password_status == PasswordStatus::Expired {
        return Ok(Some(NextStep::NewPassword));
    }
    let is_missing = proof.second_factor.is_none();
    if is_missing && factors::is_enforced_for(tx, rules, &user.id).await? {
        return Ok(Some(NextStep::Enrolment));
    }
    Ok(None)
}

/// Begins the session of a user whom the rules let in, with its event. `unchanged`: the hash that must
/// still be the password's; `None` is answered when it is not.
async fn begin_session(
    tx: &mut Tx,
    request: &RequestContext,
    user: &User,
    proof: &Proof,
    expected_hash: Option<&str>,
) -> Result<Option<String>, sqlx::Error> {
    let session = sessions::create(tx, user, proof, expected_hash, request).await?;
    if session.is_none() {
        return Ok(None);
    }
    let event = Event::new(Action::SignIn, "user", &user.id, &user.user_name)
        .detail(json!({"method": proof.method, "connection": proof.connection_id, "amr": proof.amr,
            "second_factor": proof.second_factor}));
    audit::record(tx, &audit_context_of(user, request), event).await?;
    count_outcome(proof.method, "success");
    Ok(session)
}

/// The same for a proof without a flow: somebody who followed a link from a mail. A refusal is written
/// down in the unit of work; the caller commits either way.
pub(crate) async fn sign_in_without_flow(
    tx: &mut Tx,
    request: &RequestContext,
    browser: BrowserBinding<'_>,
    return_to: &str,
    proof: Proof,
) -> Result<SignInOutcome, SignInError> {
    match authorize_sign_in(tx, request, &proof, None).await {
        Ok((user, settings)) => {
            let account_id = Some(user.account_id.clone());
            let flow = Flow::transient(account_id, user.user_name.clone(), return_to.to_owned());
            let sign_in = SignInContext::new(request, &flow, browser, &user, &settings);
            let row = password::store::of_user(tx, &user.id).await?;
            let password = row.map(|row| tokens::hash(&row.hash));
            match advance(
                tx,
                &sign_in,
                Proof { password_fingerprint: password, ..proof },
                PasswordStatus::Valid,
                None,
            )
            .await
            {
                Err(SignInError::FlowEnded) => Err(SignInError::Inactive),
                other => other,
            }
        }
        Err((_, SignInError::Directory(error))) => Err(error.into()),
        Err((user, refused)) => {
            let context = Context::anonymous(&proof.account_id, &proof.identifier, request);
            record_refusal(tx, &context, user.as_ref(), proof.method, &refused).await?;
            Err(refused)
        }
    }
}

pub(crate) fn audit_context_of(user: &User, request: &RequestContext) -> Context {
    let actor = audit::Actor {
        kind: audit::ActorKind::User,
        id: Some(user.id.clone()),
        name: user.user_name.clone(),
    };
    Context::of(&user.account_id, actor, request)
}

/// The user the proof is about and the settings that count for them, if the account lets them in;
/// otherwise why not, and the user if known.
async fn authorize_sign_in(
    tx: &mut Tx,
    request: &RequestContext,
    proof: &Proof,
    looked_up: Option<(Result<Option<User>, UserLookupError>, AuthenticationSettings)>,
) -> Result<(User, AuthenticationSettings), (Option<User>, SignInError)> {
    let plain = |error: sqlx::Error| (None, SignInError::from(error));
    let account_id = proof.account_id.as_str();
    let (found, settings) = match looked_up {
        Some(known) => known,
        None => find_user_for_proof(tx, proof).await.map_err(plain)?,
    };
    let found = found.map_err(|UserLookupError(user, refused)| (user, refused))?;
    let address = found.as_ref().and_then(|user| user.email.as_deref()).unwrap_or(&proof.identifier);
    let allowed = settings.allows_domain(&domain_of(address).unwrap_or_default());
    // Whether somebody is active must not be told by which rule speaks first.
    if let Some(user) = found.as_ref().filter(|user| !user.is_active() && !accepts_invitation(user, proof)) {
        return Err((Some(user.clone()), SignInError::Inactive));
    }
    if !allowed {
        return Err((found, SignInError::DomainNotAllowed));
    }
    let user = match (found, proof.provider_claims.jit_provisioning) {
        (Some(user), _) if user.is_pending() => {
            let joined = activate_invited_user(tx, request, &user, proof.method).await;
            joined.map_err(|e| (Some(user), e.into()))?
        }
        (Some(user), _) => user,
        (None, true) => {
            let context = Context::anonymous(account_id, &proof.identifier, request);
            provider_claims::create_user(tx, &context, proof).await.map_err(|e| (None, e.into()))?
        }
        (None, false) => return Err((None, SignInError::UnknownUser)),
    };
    if proof.method == Method::Local {
        if !settings.local_login {
            return Err((Some(user), SignInError::LocalLoginOff));
        }
        let roles = access::roles_of(tx, &user.id).await.map_err(plain)?;
        if !roles.contains(&Role::AccountAdmin) {
            return Err((Some(user), SignInError::NotAdministrator));
        }
    }
    Ok((user, settings))
}

/// Why a proof is about nobody who could come in, and whom it nearly was about.
struct UserLookupError(Option<User>, SignInError);

async fn find_user_for_proof(
    c: &mut database::DbConn,
    proof: &Proof,
) -> Result<(Result<Option<User>, UserLookupError>, AuthenticationSettings), sqlx::Error> {
    let account_id = proof.account_id.as_str();
    let settings = accounts::settings_of(&mut *c, account_id).await?;
    let found = match (&proof.user_id, &proof.external_subject, &proof.connection_id) {
        (Some(id), ..) => Ok(users::by_id(c, account_id, id).await?),
        (None, Some(subject), Some(connection_id)) => {
            match identities::resolve_subject(
                c,
                account_id,
                connection_id.as_str(),
                subject,
                &proof.identifier,
            )
            .await?
            {
                IdentityMatch::User(found) => Ok(found),
                IdentityMatch::UnverifiedAddress => {
                    Err(UserLookupError(None, SignInError::AddressNotVerified))
                }
                IdentityMatch::OtherSubject(user) => {
                    Err(UserLookupError(Some(user), SignInError::AddressLinkedToOtherSubject))
                }
            }
        }
        _ => Ok(users::find_by_email_or_user_name(c, account_id, &proof.identifier).await?),
    };
    Ok((found, settings))
}

/// Whether the proof is somebody's first coming after an invitation: their identity provider vouches
/// for the address that was invited.
fn accepts_invitation(user: &User, proof: &Proof) -> bool {
    user.is_pending() && proof.connection_id.is_some()
}

/// Makes an invited user a member.
pub(crate) async fn activate_invited_user(
    tx: &mut Tx,
    request: &RequestContext,
    user: &User,
    method: Method,
) -> Result<User, directory::Error> {
    let context = audit_context_of(user, request);
    let wanted = Profile { active: true, ..user.profile() };
    let joined = access::update_user(tx, &context, ChangeAuthority::Local, user, wanted).await?;
    let event = Event::new(Action::InvitationAccept, "user", &user.id, &user.user_name);
    audit::record(tx, &context, event.detail(json!({"method": method}))).await?;
    Ok(joined)
}

pub(super) async fn record_refusal(
    tx: &mut Tx,
    context: &Context,
    user: Option<&User>,
    method: Method,
    refused: &SignInError,
) -> Result<(), sqlx::Error> {
    count_outcome(method, "refused");
    let reason = refused.to_string();
    let event = Event {
        resource_id: user.map(|user| user.id.as_str()),
        resource_name: user.map_or(context.actor.name.as_str(), |user| user.user_name.as_str()),
        ..Event::new(Action::SignIn, "user", "", "")
    };
    let event = event.refused(&reason).detail(json!({"method": method}));
    audit::record(tx, context, event).await
}

pub(super) fn count_outcome(method: Method, outcome: &'static str) {
    metrics::counter!("vestibule_sign_ins_total", "method" => method.as_str(), "outcome" => outcome)
        .increment(1);
}
