//! Choosing a password with a link: a first one, a new one, or the one of somebody who was invited.

use super::store::{self, LinkPurpose};
use crate::directory::users::{self, Authority, Profile, User};
use crate::directory::{Error, accounts};
use crate::kernel::Tx;
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, Browser, Proved, Refused};
use crate::signin::lockout::{self, Factor};
use crate::signin::password::{self, Password, Person, PrepareError, Way};
use crate::signin::{Method, Proof, SignIn, sessions};

/// What somebody typed on the page behind a link.
pub struct Chosen<'a> {
    /// The link's secret.
    pub link: &'a str,
    /// The password.
    pub password: &'a Password,
    /// Given and family name, from somebody who was invited.
    pub names: Option<(&'a str, &'a str)>,
}

/// Why nothing, or not everything, came of it.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// The link does not work (any more).
    #[error("the link does not work any more")]
    Spent,
    /// The password does not meet the rules, or hashing is busy.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The password is set; the account's rules keep its owner out.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl From<sqlx::Error> for ChooseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Prepare(error.into())
    }
}

impl From<Error> for ChooseError {
    fn from(error: Error) -> Self {
        Self::Prepare(error.into())
    }
}

/// The user a link is for, if they may still use it.
#[must_use]
pub fn fits(user: &User, purpose: LinkPurpose) -> bool {
    match purpose {
        LinkPurpose::Invite => user.is_pending(),
        LinkPurpose::Setup | LinkPurpose::Reset | LinkPurpose::Enrol => user.is_active(),
    }
}

/// Sets the password of the link's user and signs them in. After a reset all sessions are new ones and a lock
/// is off. A second factor is asked for as at any sign-in.
///
/// # Errors
/// [`ChooseError`].
pub async fn choose(
    signin: &SignIn,
    request: &RequestContext,
    (browser, return_to): (Browser<'_>, &str),
    chosen: Chosen<'_>,
) -> Result<Proved, ChooseError> {
    let mut c = signin.kernel.db.read().await?;
    let link =
        store::find(&mut c, chosen.link, signin.kernel.clock.now()).await?.ok_or(ChooseError::Spent)?;
    let (Some(account_id), Some(user_id)) = (&link.account_id, &link.user_id) else {
        return Err(ChooseError::Spent);
    };
    let user = users::by_id(&mut c, account_id, user_id).await?.ok_or(ChooseError::Spent)?;
    let settings = accounts::settings_of(&mut c, account_id).await?;
    drop(c);
    if !fits(&user, link.purpose()) || link.purpose() == LinkPurpose::Enrol {
        return Err(ChooseError::Spent);
    }
    let profile = with_names(&user, chosen.names);
    let person = Person::from(&profile);
    let hash =
        password::prepare(signin, &settings.password, chosen.password, &person, Some(&user.id)).await?;

    let mut tx = signin.kernel.db.begin().await?;
    // Of two requests with one link, one finds it.
    let link = store::take(&mut tx, chosen.link).await?.ok_or(ChooseError::Spent)?;
    let user = users::by_id(&mut tx, account_id, user_id).await?.ok_or(ChooseError::Spent)?;
    if !fits(&user, link.purpose()) {
        return Err(ChooseError::Spent);
    }
    let user = apply(signin, &mut tx, request, (user, link.purpose()), (&hash, chosen.names)).await?;
    let proof = Proof::password(&user, Method::Password);
    let proved = flow::enter(&mut tx, request, (browser, return_to), proof).await;
    tx.commit().await?;
    signin.kernel.mail_wake.notify_one();
    Ok(proved?)
}

fn with_names(user: &User, names: Option<(&str, &str)>) -> Profile {
    let profile = user.profile();
    match names {
        // What a directory manages keeps the names it gave.
        Some((given, family)) if user.connection_id.is_none() => Profile {
            given_name: Some(given.to_owned()),
            family_name: Some(family.to_owned()),
            display_name: None,
            ..profile
        },
        _ => profile,
    }
}

async fn apply(
    signin: &SignIn,
    tx: &mut Tx,
    request: &RequestContext,
    (mut user, purpose): (User, LinkPurpose),
    (hash, names): (&str, Option<(&str, &str)>),
) -> Result<User, Error> {
    let context = flow::own_context(&user, request);
    let way = match purpose {
        LinkPurpose::Reset => Way::Reset,
        LinkPurpose::Setup | LinkPurpose::Invite | LinkPurpose::Enrol => Way::First,
    };
    if purpose == LinkPurpose::Invite {
        let named = with_names(&user, names);
        user = users::update(tx, &context, Authority::Local, &user, named).await?;
        user = flow::accept(tx, request, &user, Method::Password).await?;
    }
    if purpose == LinkPurpose::Reset {
        // First: a sign-in with the old password that is about to finish holds this row, or waits for it. Either
        // its session is there to be ended below, or it finds the new password.
        lockout::unlock(tx, &context, &user, (Some(Factor::Password), "reset")).await?;
    }
    password::set(&signin.kernel, tx, &context, &user, (hash, way)).await?;
    if purpose == LinkPurpose::Reset {
        sessions::revoke_all(tx, &context, &user, "").await?;
        store::void(tx, &user.id, LinkPurpose::Reset).await?;
    }
    Ok(user)
}
