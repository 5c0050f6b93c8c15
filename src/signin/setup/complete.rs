//! Creates the first account through the first-run link.

use crate::access::{PrincipalKind, Role, bind_role};
use crate::audit::Context;
use crate::directory::users::{self, ChangeAuthority, Profile};
use crate::directory::{Email, Error, accounts};
use crate::kernel::http::RequestContext;
use crate::kernel::{AccountId, Kernel};
use crate::signin::password::{self, PasswordChangeReason};
use crate::signin::{Method, Proof, SignIn, SignInAttempt, SignInError, SignInOutcome, flow, one_time_links};

/// What the first administrator entered.
#[derive(Debug, Clone)]
pub struct FirstRun {
    /// The account's display name.
    pub account_name: String,
    /// The account's slug.
    pub slug: String,
    /// The administrator's address, which is also their user name.
    pub email: String,
    /// The given name; may be empty.
    pub given_name: String,
    /// The family name; may be empty.
    pub family_name: String,
}

/// Creates the first account and its administrator, signs them in and returns the session's secret.
/// `password_hash` was computed before. Returns `None` when the link is not valid or an account exists: of
/// two browsers with the same link, only one succeeds.
pub async fn complete(
    signin: &SignIn,
    request: &RequestContext,
    link: &str,
    typed: FirstRun,
    password_hash: &str,
) -> Result<Option<String>, Error> {
    let kernel = &signin.kernel;
    let mut tx = kernel.db.begin().await?;
    match one_time_links::consume(&mut tx, link).await? {
        Some(link) if link.user_id.is_none() => {}
        _ => return Ok(None),
    }
    if accounts::any_exists(&mut tx).await? {
        return Ok(None);
    }
    Email::parse(&typed.email)?;
    let context_for = |account_id: &AccountId| Context::anonymous(account_id, &typed.email, request);
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
    let user = users::create(&mut tx, &context, ChangeAuthority::Local, profile).await?;
    bind_role(&mut tx, &context, PrincipalKind::User, &user.id, &user.user_name, Role::AccountAdmin).await?;
    password::set(kernel, &mut tx, &context, &user, password_hash, PasswordChangeReason::First).await?;
    let browser =
        flow::BrowserBinding { secret: "", device_secret: None, session_secret: None, step_cookie: None };
    let flow = flow::Flow::transient(&user, "/");
    let attempt = SignInAttempt { signin, request, flow: &flow, browser };
    let proof = Proof::from_password(&user, Method::Password);
    let session = match attempt.complete_in_transaction(&mut tx, proof).await {
        Ok(SignInOutcome::Complete(completed)) => completed.session_secret,
        Err(SignInError::Directory(error)) => return Err(error),
        Err(SignInError::Database(error)) => return Err(error.into()),
        // No rule can refuse the first administrator of an account that this transaction created.
        other => return Err(Error::Internal(format!("{other:?}"))),
    };
    tx.commit().await?;
    Ok(Some(session))
}

/// Creates a new first-run link, revokes older ones and returns its secret. Returns `None` once an account
/// exists.
pub async fn ensure_first_run_link(kernel: &Kernel) -> Result<Option<String>, sqlx::Error> {
    one_time_links::create_first_run_link(kernel).await
}
