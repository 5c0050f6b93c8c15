//! What the links lead to.

use super::super::{Method, Proof, password, sessions};
use super::links;
use crate::access::{PrincipalKind, Role, bind};
use crate::audit::{Actor, ActorKind, Context};
use crate::directory::users::{self, Authority, Profile, User};
use crate::directory::{Email, Error, accounts};
use crate::kernel::http::RequestContext;
use crate::kernel::{Kernel, Tx};

/// What the first administrator types.
#[derive(Debug, Clone)]
pub struct FirstRun {
    /// The account's name for people.
    pub account_name: String,
    /// The account's short name.
    pub slug: String,
    /// The administrator's address, also the sign-in name.
    pub email: String,
    /// Given name, may be empty.
    pub given_name: String,
    /// Family name, may be empty.
    pub family_name: String,
}

/// Makes the first account and its administrator and signs them in; returns the session's secret.
/// `password_hash` was made before. `None` when the link does not work (any more): of two browsers
/// with the same link, one gets in.
///
/// # Errors
/// [`Error::Invalid`] for what was typed.
pub async fn complete(
    kernel: &Kernel,
    request: &RequestContext,
    link: &str,
    typed: FirstRun,
    password_hash: &str,
) -> Result<Option<String>, Error> {
    let mut tx = kernel.db.begin().await?;
    match links::take(&mut tx, link).await? {
        Some(link) if link.user_id.is_none() => {}
        _ => return Ok(None),
    }
    if accounts::any_exists(&mut tx).await? {
        return Ok(None);
    }
    Email::parse(&typed.email)?;
    let context_for = |account_id: &str| Context::anonymous(account_id, &typed.email, request);
    let account = accounts::create(&mut tx, &typed.slug, &typed.account_name, context_for).await?;
    let context = context_for(&account.id);
    let profile = Profile {
        user_name: typed.email.clone(),
        email: Some(typed.email.clone()),
        given_name: Some(typed.given_name.clone()),
        family_name: Some(typed.family_name.clone()),
        active: true,
        ..Profile::default()
    };
    let user = users::create(&mut tx, &context, Authority::Local, profile).await?;
    bind(&mut tx, &context, (PrincipalKind::User, &user.id, &user.user_name), Role::AccountAdmin).await?;
    let session = enter(&mut tx, request, &user, password_hash).await?;
    tx.commit().await?;
    Ok(Some(session))
}

/// Sets the first password of the link's user and signs them in; returns the session's secret.
///
/// # Errors
/// [`Error::NotFound`] when the link does not work (any more).
pub async fn choose_password(
    kernel: &Kernel,
    request: &RequestContext,
    (account_id, link): (&str, &str),
    password_hash: &str,
) -> Result<String, Error> {
    let mut tx = kernel.db.begin().await?;
    let link = links::take(&mut tx, link).await?.ok_or(Error::NotFound("link"))?;
    let user_id = link.user_id.ok_or(Error::NotFound("link"))?;
    let user = users::by_id(&mut tx, account_id, &user_id).await?.ok_or(Error::NotFound("user"))?;
    if !user.is_active() {
        return Err(Error::NotFound("user"));
    }
    let session = enter(&mut tx, request, &user, password_hash).await?;
    tx.commit().await?;
    Ok(session)
}

async fn enter(
    tx: &mut Tx,
    request: &RequestContext,
    user: &User,
    password_hash: &str,
) -> Result<String, sqlx::Error> {
    let actor = Actor { kind: ActorKind::User, id: Some(user.id.clone()), name: user.user_name.clone() };
    let context = Context::of(&user.account_id, actor, request);
    password::set(tx, &context, user, password_hash).await?;
    let proof = Proof {
        method: Method::Password,
        account_id: user.account_id.clone(),
        connection_id: None,
        subject: user.user_name.clone(),
        user_id: Some(user.id.clone()),
        amr: vec!["pwd".into()],
        acr: String::new(),
        create: None,
    };
    let settings = accounts::settings_of(tx, &user.account_id).await?;
    let session = sessions::create(tx, user, &proof, &settings.session, request).await?;
    let event = crate::audit::Event::new(crate::audit::Action::SignIn, "user", &user.id, &user.user_name);
    crate::audit::record(tx, &context, event.detail(serde_json::json!({"method": "setup_link"}))).await?;
    Ok(session)
}
