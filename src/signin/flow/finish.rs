//! From a proof to a session, through the account's rules.

use serde_json::json;

use super::super::{Method, Proof, SignIn, password, sessions};
use super::model::Flow;
use super::store;
use crate::access::{self, Role};
use crate::audit::{self, Action, Context, Event};
use crate::directory::users::{self, Authority, Profile, User};
use crate::directory::{self, accounts, domain_of};
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;

/// Why somebody with or without a proof does not get in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Password and user do not belong together, or there is no such user.
    #[error("wrong_password")]
    WrongPassword,
    /// Vouched for, but not known here.
    #[error("unknown_user")]
    UnknownUser,
    /// Known here and locked out by an administrator or the provisioning.
    #[error("user_inactive")]
    Inactive,
    /// The account's list of domains does not have the address's.
    #[error("domain_not_allowed")]
    DomainNotAllowed,
    /// The local page is for administrators.
    #[error("not_an_administrator")]
    NotAdministrator,
    /// The account has closed the local page.
    #[error("local_login_off")]
    LocalLoginOff,
    /// The flow ended: finished by another request, expired, or never there.
    #[error("flow_ended")]
    FlowEnded,
    /// The queue for password hashing is full.
    #[error("busy")]
    Busy,
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] directory::Error),
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Directory(directory::Error::Database(error))
    }
}

/// Somebody is in.
#[derive(Debug)]
pub struct Entered {
    /// The session's secret, for the cookie.
    pub session: String,
    /// Where they wanted to go.
    pub return_to: String,
}

/// Checks a password for the flow's identifier and, when it is right, finishes.
///
/// # Errors
/// [`Refused`]. Unknown, wrong, inactive: the caller must make them look alike.
pub async fn prove_password(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    password: &str,
    method: Method,
) -> Result<Entered, Refused> {
    let user = match password::verify(signin, flow.account_id.as_deref(), &flow.identifier, password).await? {
        password::Verdict::Right(user) => user,
        password::Verdict::Wrong(user) => {
            let context = Context::anonymous(&user.account_id, &flow.identifier, request);
            let mut tx = signin.kernel.db.begin().await?;
            refuse(&mut tx, &context, Some(&user), method, &Refused::WrongPassword).await?;
            tx.commit().await?;
            return Err(Refused::WrongPassword);
        }
        password::Verdict::Unknown => {
            // No event: a trail anybody can write to is a trail nobody reads.
            tracing::info!("sign-in with an unknown name");
            return Err(Refused::WrongPassword);
        }
        password::Verdict::Busy => return Err(Refused::Busy),
    };
    let proof = Proof {
        method,
        account_id: user.account_id.clone(),
        connection_id: None,
        subject: user.user_name.clone(),
        user_id: Some(user.id.clone()),
        amr: vec!["pwd".into()],
        acr: String::new(),
        create: None,
    };
    finish(signin, request, flow, &proof).await
}

/// Applies the account's rules to a proof and begins a session.
///
/// Everything is one unit of work: the flow ends, the user may come into being, the session begins,
/// the event is written. Two requests racing with one flow: one gets in.
///
/// # Errors
/// [`Refused`]; the refusal is in the audit trail.
pub async fn finish(
    signin: &SignIn,
    request: &RequestContext,
    flow: &Flow,
    proof: &Proof,
) -> Result<Entered, Refused> {
    let account_id = proof.account_id.as_str();
    let context = Context::anonymous(account_id, &proof.subject, request);
    let mut tx = signin.kernel.db.begin().await?;
    let outcome = apply_rules(&mut tx, &context, account_id, proof).await;
    metrics::counter!(
        "vestibule_sign_ins_total", "method" => proof.method.as_str(),
        "outcome" => if outcome.is_ok() { "success" } else { "refused" }
    )
    .increment(1);
    let user = match outcome {
        Ok(user) => user,
        Err((_, Refused::Directory(error))) => return Err(error.into()),
        Err((user, refused)) => {
            // A refused password leaves the flow open for another try, as a wrong one does; a
            // delivered proof is spent.
            if flow.proof.is_some() && !store::take(&mut tx, &flow.id).await? {
                return Err(Refused::FlowEnded);
            }
            refuse(&mut tx, &context, user.as_ref(), proof.method, &refused).await?;
            tx.commit().await?;
            return Err(refused);
        }
    };
    if !store::take(&mut tx, &flow.id).await? {
        return Err(Refused::FlowEnded);
    }
    let settings = accounts::settings_of(&mut tx, account_id).await?;
    let session = sessions::create(&mut tx, &user, proof, &settings.session, request).await?;
    let actor = audit::Actor {
        kind: audit::ActorKind::User,
        id: Some(user.id.clone()),
        name: user.user_name.clone(),
    };
    let event = Event::new(Action::SignIn, "user", &user.id, &user.user_name)
        .detail(json!({"method": proof.method, "connection": proof.connection_id, "amr": proof.amr}));
    audit::record(&mut tx, &Context::of(account_id, actor, request), event).await?;
    tx.commit().await?;
    Ok(Entered { session, return_to: flow.return_to.clone() })
}

/// The user the proof is about, if the account lets them in; otherwise why not, and the user if known.
async fn apply_rules(
    tx: &mut Tx,
    context: &Context,
    account_id: &str,
    proof: &Proof,
) -> Result<User, (Option<User>, Refused)> {
    let plain = |error: sqlx::Error| (None, Refused::from(error));
    let settings = accounts::settings_of(tx, account_id).await.map_err(plain)?;
    let found = match &proof.user_id {
        Some(id) => users::by_id(tx, account_id, id).await,
        None => users::by_email(tx, account_id, &proof.subject).await,
    };
    let found = found.map_err(plain)?;
    let address = found.as_ref().and_then(|user| user.email.as_deref()).unwrap_or(&proof.subject);
    if !settings.allows_domain(&domain_of(address).unwrap_or_default()) {
        return Err((found, Refused::DomainNotAllowed));
    }
    let user = match (found, &proof.create) {
        (Some(user), _) => user,
        (None, Some(new)) => {
            let profile = Profile {
                user_name: new.email.clone(),
                email: Some(new.email.clone()),
                given_name: new.given_name.clone(),
                family_name: new.family_name.clone(),
                display_name: new.display_name.clone(),
                active: true,
                ..Profile::default()
            };
            users::create(tx, context, Authority::Local, profile).await.map_err(|e| (None, e.into()))?
        }
        (None, None) => return Err((None, Refused::UnknownUser)),
    };
    if !user.is_active() {
        return Err((Some(user), Refused::Inactive));
    }
    if proof.method == Method::Local {
        if !settings.local_login {
            return Err((Some(user), Refused::LocalLoginOff));
        }
        let roles = access::roles_of(tx, &user.id).await.map_err(plain)?;
        if !roles.contains(&Role::AccountAdmin) {
            return Err((Some(user), Refused::NotAdministrator));
        }
    }
    Ok(user)
}

async fn refuse(
    tx: &mut Tx,
    context: &Context,
    user: Option<&User>,
    method: Method,
    refused: &Refused,
) -> Result<(), sqlx::Error> {
    let reason = refused.to_string();
    let event = Event {
        resource_id: user.map(|user| user.id.as_str()),
        resource_name: user.map_or(context.actor.name.as_str(), |user| user.user_name.as_str()),
        ..Event::new(Action::SignIn, "user", "", "")
    };
    let event = event.refused(&reason).detail(json!({"method": method}));
    audit::record(tx, context, event).await
}
