//! What the first-run link leads to.

use super::super::password::{self, Way};
use super::super::{Method, Proof, flow, links};
use crate::access::{PrincipalKind, Role, bind};
use crate::audit::Context;
use crate::directory::users::{self, Authority, Profile};
use crate::directory::{Email, Error, accounts};
use crate::kernel::Kernel;
use crate::kernel::http::RequestContext;

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
    password::set(kernel, &mut tx, &context, &user, (password_hash, Way::First)).await?;
    let browser = flow::Browser { secret: "", device: None };
    let proof = Proof::password(&user, Method::Password);
    let session = match flow::enter(&mut tx, request, (browser, "/"), proof).await {
        Ok(flow::Proved::Entered(entered)) => entered.session,
        Err(flow::Refused::Directory(error)) => return Err(error),
        // Nothing keeps the first administrator out of an account made a moment ago.
        other => return Err(Error::Internal(format!("{other:?}"))),
    };
    tx.commit().await?;
    Ok(Some(session))
}

/// While there is no account: makes a fresh first-run link, voids older ones, and returns its secret.
///
/// # Errors
/// The database's.
pub async fn ensure_first_run(kernel: &Kernel) -> Result<Option<String>, sqlx::Error> {
    links::make_first_run(kernel).await
}
