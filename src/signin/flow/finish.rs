//! From a proof to a session, through the account's rules.

use serde_json::json;

use super::super::factors::{self, SecondFactor};
use super::super::identities::{self, Recognised};
use super::super::lockout::{self, Factor};
use super::super::password::{self, Standing};
use super::super::somebody::{self, Meant, Somebody};
use super::super::{Method, Proof, SignIn, sessions};
use super::cookies::Browser;
use super::model::{Demand, Flow};
use super::refused::Refused;
use super::store::Waiting;
use super::{advance, provided, store};
use crate::access::{self, Role};
use crate::audit::{self, Action, Context, Event};
use crate::directory::accounts::{self, Settings};
use crate::directory::users::{self, Authority, Profile, User};
use crate::directory::{self, domain_of};
use crate::kernel::http::RequestContext;
use crate::kernel::{Timestamp, Tx, database, tokens};

/// Somebody is in.
#[derive(Debug, Default)]
pub struct Entered {
    /// The session's secret, for the cookie.
    pub session: String,
    /// Where they wanted to go.
    pub return_to: String,
    /// When their password ends, if that is soon.
    pub password_ends_at: Option<Timestamp>,
    /// The secret by which this browser is remembered from now on, for its cookie.
    pub device: Option<String>,
    /// Recovery codes they have left, if they used one to get in.
    pub codes_left: Option<i64>,
}

/// What a proof led to.
#[derive(Debug)]
pub enum Proved {
    /// A session.
    Entered(Entered),
    /// Something is missing: the flow goes on, under this id, once it is there.
    Owed(Demand, String),
}

/// What is known of a password that was right.
pub(super) struct RightPassword {
    pub(super) old_hash: String,
    /// A hash with today's parameters, where the old one has others.
    pub(super) new_hash: Option<String>,
    pub(super) changed_at: Timestamp,
}

impl RightPassword {
    /// The hash that is stored once it was renewed.
    fn stored(&self) -> &str {
        self.new_hash.as_deref().unwrap_or(&self.old_hash)
    }
}

/// What was looked up before the unit of work begins. It may be a hash's time old; that a user was deactivated
/// or the password changed meanwhile shows when the session is written.
pub(super) struct Known {
    pub(super) user: User,
    pub(super) settings: Settings,
    /// The password that was shown, if it was that.
    pub(super) right: Option<RightPassword>,
    /// Whether the user has a second factor. No session begins without one where that has changed meanwhile.
    pub(super) enrolled: bool,
}

impl Known {
    /// For a proof of another kind. Only where the person themselves is not written: what is written from must be fresh.
    pub(super) fn of(somebody: Somebody, proof: &Proof) -> Option<Self> {
        let Somebody { user, settings, enrolled, .. } = somebody;
        let user = user.filter(|user| user.is_active() && !provided::changes(user, proof))?;
        Some(Self { user, settings, right: None, enrolled })
    }
}

/// Somebody whom the rules let in, on the way to a session.
pub(super) struct Passage<'a> {
    pub(super) request: &'a RequestContext,
    pub(super) flow: &'a Flow,
    pub(super) browser: Browser<'a>,
    pub(super) user: &'a User,
    pub(super) settings: &'a Settings,
    /// See [`Known::enrolled`]; `None` when nobody looked.
    pub(super) enrolled: Option<bool>,
}

impl<'a> Passage<'a> {
    pub(super) fn new(
        request: &'a RequestContext,
        (flow, browser): (&'a Flow, Browser<'a>),
        user: &'a User,
        settings: &'a Settings,
    ) -> Self {
        Self { request, flow, browser, user, settings, enrolled: None }
    }
}

/// Applies the account's rules to a delivered proof and begins a session, or asks for what is missing.
///
/// # Errors
/// [`Refused`]; the refusal is in the audit trail.
pub async fn finish(
    signin: &SignIn,
    request: &RequestContext,
    (flow, browser): (&Flow, Browser<'_>),
    proof: &Proof,
) -> Result<Proved, Refused> {
    let known = look_ahead(signin, proof).await?;
    conclude(signin, request, (flow, browser), proof.clone(), known).await
}

/// Looks up whom the proof is about while nobody waits for it.
async fn look_ahead(signin: &SignIn, proof: &Proof) -> Result<Option<Known>, sqlx::Error> {
    let meant = match (&proof.user_id, &proof.identity, &proof.connection_id) {
        (Some(id), ..) => Meant::User(id),
        (None, Some(subject), Some(connection_id)) => Meant::Subject(connection_id, subject),
        _ => Meant::Name(&proof.subject),
    };
    let mut c = signin.kernel.db.read().await?;
    Ok(Known::of(somebody::find(&mut c, &proof.account_id, meant, "").await?, proof))
}

/// Rules, then the session or the demand for more.
///
/// Everything is one unit of work: the flow ends or moves on, the user may come into being, the session
/// begins, the event is written. Two requests racing with one flow: one gets in.
pub(super) async fn conclude(
    signin: &SignIn,
    request: &RequestContext,
    (flow, browser): (&Flow, Browser<'_>),
    mut proof: Proof,
    known: Option<Known>,
) -> Result<Proved, Refused> {
    let context = Context::anonymous(&proof.account_id, &proof.subject, request);
    let mut tx = signin.kernel.db.begin().await?;
    if let Some(key) = proof.forgiven.take() {
        lockout::forgive(&mut tx, &key, Factor::Password).await?;
    }
    let (found, right, enrolled) = match known {
        Some(Known { user, settings, right, enrolled }) => {
            (Some((Ok(Some(user)), settings)), right, Some(enrolled))
        }
        None => (None, None, None),
    };
    let outcome = apply_rules(&mut tx, request, &proof, found).await;
    let (user, settings) = match outcome {
        Ok(admitted) => admitted,
        Err((_, Refused::Directory(error))) => return Err(error.into()),
        Err((user, refused)) => {
            // A refused password leaves the flow open for another try, as a wrong one does; a
            // delivered proof is spent.
            if flow.proof.is_some() && !store::take(&mut tx, &flow.id).await? {
                return Err(Refused::FlowEnded);
            }
            if let Some(user) = user.as_ref().filter(|user| user.is_active() && right.is_some()) {
                lockout::forgive(&mut tx, &user.id, Factor::Password).await?;
            }
            refuse(&mut tx, &context, user.as_ref(), proof.method, &refused).await?;
            tx.commit().await?;
            return Err(refused);
        }
    };
    let own = own_context(&user, request);
    identities::remember(&mut tx, &own, &user, &proof).await?;
    let user = provided::take_over(&mut tx, &own, user, &proof).await?;
    // From here on the proof is about this user, whatever becomes of their address.
    proof.user_id.get_or_insert_with(|| user.id.clone());
    let mut standing = Standing::Valid;
    if let Some(right) = &right {
        lockout::forgive(&mut tx, &user.id, Factor::Password).await?;
        if let Some(new) = &right.new_hash {
            password::store::upgrade(&mut tx, &user.id, &right.old_hash, new).await?;
        }
        proof.password = Some(tokens::hash(right.stored()));
        standing = password::standing(&settings.password, right.changed_at, tx.now());
    }
    let passage = Passage { enrolled, ..Passage::new(request, (flow, browser), &user, &settings) };
    let unchanged = right.as_ref().map(RightPassword::stored);
    let proved = go_on(&mut tx, &passage, proof, (standing, unchanged)).await?;
    tx.commit().await?;
    Ok(proved)
}

/// Begins the session, or parks the flow until what is still missing is there. `unchanged`: the hash that
/// must still be the password's.
pub(super) async fn go_on(
    tx: &mut Tx,
    passage: &Passage<'_>,
    mut proof: Proof,
    (standing, unchanged): (Standing, Option<&str>),
) -> Result<Proved, Refused> {
    let Passage { request, flow, browser, user, .. } = passage;
    if let Some(demand) = owed(tx, passage, &mut proof, standing).await? {
        let id = advance::settle(tx, flow, browser.secret).await?;
        let waiting = Waiting {
            id: &id,
            from: flow.demand(),
            to: demand,
            proof: &proof,
            user_epoch: flow.user_epoch.unwrap_or(user.epoch),
            browser: tokens::hash(browser.secret),
        };
        let until = tx.now().plus(advance::LIFETIME);
        if !store::park(tx, &waiting, until).await? {
            return Err(Refused::FlowEnded);
        }
        return Ok(Proved::Owed(demand, id));
    }
    if !store::take(tx, &flow.id).await? {
        return Err(Refused::FlowEnded);
    }
    let session = begin_session(tx, request, user, (&proof, unchanged)).await?;
    // The password was changed or the user deactivated while the hash was made.
    let session = session.ok_or(Refused::FlowEnded)?;
    let password_ends_at = if let Standing::EndsAt(end) = standing { Some(end) } else { None };
    let return_to = flow.return_to.clone();
    Ok(Proved::Entered(Entered { session, return_to, password_ends_at, ..Entered::default() }))
}

/// What stands between a proof and a session, first things first. A second factor comes before a new
/// password: who only knows a password must not be able to change it.
async fn owed(
    tx: &mut Tx,
    passage: &Passage<'_>,
    proof: &mut Proof,
    standing: Standing,
) -> Result<Option<Demand>, sqlx::Error> {
    let Passage { browser, user, settings, .. } = passage;
    let rules = &settings.two_factor;
    let is_enrolled = match passage.enrolled {
        Some(known) => known,
        None => factors::is_enrolled(tx, &user.id).await?,
    };
    if proof.second_factor.is_none() && is_enrolled {
        let now = tx.now();
        if !factors::is_remembered(tx, rules, user, (browser.device, now)).await? {
            return Ok(Some(Demand::SecondFactor));
        }
        proof.second_factor = Some(SecondFactor::Device);
    }
    if standing == Standing::Expired {
        return Ok(Some(Demand::NewPassword));
    }
    let is_missing = proof.second_factor.is_none();
    if is_missing && factors::is_enforced_for(tx, rules, &user.id).await? {
        return Ok(Some(Demand::Enrolment));
    }
    Ok(None)
}

/// Begins the session of a user whom the rules let in, with its event. `unchanged`: the hash that must
/// still be the password's; `None` is answered when it is not.
async fn begin_session(
    tx: &mut Tx,
    request: &RequestContext,
    user: &User,
    (proof, unchanged): (&Proof, Option<&str>),
) -> Result<Option<String>, sqlx::Error> {
    let session = sessions::create(tx, user, (proof, unchanged), request).await?;
    if session.is_none() {
        return Ok(None);
    }
    let event = Event::new(Action::SignIn, "user", &user.id, &user.user_name)
        .detail(json!({"method": proof.method, "connection": proof.connection_id, "amr": proof.amr,
            "second_factor": proof.second_factor}));
    audit::record(tx, &own_context(user, request), event).await?;
    count_outcome(proof.method, "success");
    Ok(session)
}

/// The same for a proof without a flow: somebody who followed a link from a mail. A refusal is written
/// down in the unit of work; the caller commits either way.
pub(in super::super) async fn enter(
    tx: &mut Tx,
    request: &RequestContext,
    (browser, return_to): (Browser<'_>, &str),
    proof: Proof,
) -> Result<Proved, Refused> {
    match apply_rules(tx, request, &proof, None).await {
        Ok((user, settings)) => {
            let account_id = Some(user.account_id.clone());
            let flow = Flow::unwritten(account_id, user.user_name.clone(), return_to.to_owned());
            let passage = Passage::new(request, (&flow, browser), &user, &settings);
            let row = password::store::of_user(tx, &user.id).await?;
            let password = row.map(|row| tokens::hash(&row.hash));
            match go_on(tx, &passage, Proof { password, ..proof }, (Standing::Valid, None)).await {
                Err(Refused::FlowEnded) => Err(Refused::Inactive),
                other => other,
            }
        }
        Err((_, Refused::Directory(error))) => Err(error.into()),
        Err((user, refused)) => {
            let context = Context::anonymous(&proof.account_id, &proof.subject, request);
            refuse(tx, &context, user.as_ref(), proof.method, &refused).await?;
            Err(refused)
        }
    }
}

pub(in super::super) fn own_context(user: &User, request: &RequestContext) -> Context {
    let actor = audit::Actor {
        kind: audit::ActorKind::User,
        id: Some(user.id.clone()),
        name: user.user_name.clone(),
    };
    Context::of(&user.account_id, actor, request)
}

/// The user the proof is about and the settings that count for them, if the account lets them in;
/// otherwise why not, and the user if known.
async fn apply_rules(
    tx: &mut Tx,
    request: &RequestContext,
    proof: &Proof,
    looked_up: Option<(Result<Option<User>, NotFound>, Settings)>,
) -> Result<(User, Settings), (Option<User>, Refused)> {
    let plain = |error: sqlx::Error| (None, Refused::from(error));
    let account_id = proof.account_id.as_str();
    let (found, settings) = match looked_up {
        Some(known) => known,
        None => look_up(tx, proof).await.map_err(plain)?,
    };
    let found = found.map_err(|NotFound(user, refused)| (user, refused))?;
    let address = found.as_ref().and_then(|user| user.email.as_deref()).unwrap_or(&proof.subject);
    let allowed = settings.allows_domain(&domain_of(address).unwrap_or_default());
    // Whether somebody is active must not be told by which rule speaks first.
    if let Some(user) = found.as_ref().filter(|user| !user.is_active() && !joins(user, proof)) {
        return Err((Some(user.clone()), Refused::Inactive));
    }
    if !allowed {
        return Err((found, Refused::DomainNotAllowed));
    }
    let user = match (found, proof.provided.create) {
        (Some(user), _) if user.is_pending() => {
            let joined = accept(tx, request, &user, proof.method).await;
            joined.map_err(|e| (Some(user), e.into()))?
        }
        (Some(user), _) => user,
        (None, true) => {
            let context = Context::anonymous(account_id, &proof.subject, request);
            provided::create(tx, &context, proof).await.map_err(|e| (None, e.into()))?
        }
        (None, false) => return Err((None, Refused::UnknownUser)),
    };
    if proof.method == Method::Local {
        if !settings.local_login {
            return Err((Some(user), Refused::LocalLoginOff));
        }
        let roles = access::roles_of(tx, &user.id).await.map_err(plain)?;
        if !roles.contains(&Role::AccountAdmin) {
            return Err((Some(user), Refused::NotAdministrator));
        }
    }
    Ok((user, settings))
}

/// Why a proof is about nobody who could come in, and whom it nearly was about.
struct NotFound(Option<User>, Refused);

async fn look_up(
    c: &mut database::Connection,
    proof: &Proof,
) -> Result<(Result<Option<User>, NotFound>, Settings), sqlx::Error> {
    let account_id = proof.account_id.as_str();
    let settings = accounts::settings_of(&mut *c, account_id).await?;
    let found = match (&proof.user_id, &proof.identity, &proof.connection_id) {
        (Some(id), ..) => Ok(users::by_id(c, account_id, id).await?),
        (None, Some(subject), Some(connection_id)) => {
            let at = (account_id, connection_id.as_str());
            match identities::recognise(c, at, (subject, &proof.subject)).await? {
                Recognised::As(found) => Ok(found),
                Recognised::Unverified => Err(NotFound(None, Refused::AddressNotVerified)),
                Recognised::SomebodyElse(user) => Err(NotFound(Some(user), Refused::AddressOfAnother)),
            }
        }
        _ => Ok(users::by_email(c, account_id, &proof.subject).await?),
    };
    Ok((found, settings))
}

/// Whether the proof is somebody's first coming after an invitation: their identity provider vouches
/// for the address that was invited.
fn joins(user: &User, proof: &Proof) -> bool {
    user.is_pending() && proof.connection_id.is_some()
}

/// Makes an invited user a member.
pub(in super::super) async fn accept(
    tx: &mut Tx,
    request: &RequestContext,
    user: &User,
    method: Method,
) -> Result<User, directory::Error> {
    let context = own_context(user, request);
    let wanted = Profile { active: true, ..user.profile() };
    let joined = users::update(tx, &context, Authority::Local, user, wanted).await?;
    let event = Event::new(Action::InvitationAccept, "user", &user.id, &user.user_name);
    audit::record(tx, &context, event.detail(json!({"method": method}))).await?;
    Ok(joined)
}

pub(super) async fn refuse(
    tx: &mut Tx,
    context: &Context,
    user: Option<&User>,
    method: Method,
    refused: &Refused,
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
