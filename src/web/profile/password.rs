//! Changing one's own password.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::confirm::{self, ConfirmQuery};
use crate::access::Principal;
use crate::directory::accounts::{self, PasswordSettings};
use crate::directory::users::{self, User};
use crate::idp::connections;
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::urls::local_path;
use crate::signin::notifications::days_until;
use crate::signin::password::{self, Password, PasswordChangeReason, PersonalTerms, PolicyRule};
use crate::signin::{flow, sessions};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error};

#[derive(Template)]
#[template(path = "profile/password.html")]
struct ChangePasswordPage {
    shell: Shell,
    user: User,
    rules: Vec<PolicyRule>,
    check: &'static str,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "profile/password_ending.html")]
struct EndingPage {
    days: i64,
    return_to: String,
}

#[derive(Deserialize)]
pub(super) struct ChangePasswordForm {
    password: String,
}

/// The user and the password settings, or a refusal when an identity provider manages the password.
async fn user_with_local_password(
    app: &AppState,
    principal: &Principal,
) -> Result<(User, PasswordSettings), Error> {
    let user = super::signed_in_user(app, principal).await?;
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await?.password;
    if password::changed_at(&mut c, &user.id).await?.is_some() {
        return Ok((user, settings));
    }
    let provider = connections::route_for_user(&mut c, &user, app.kernel.clock.now()).await?;
    match provider {
        Some(provider) => Err(Error::Refused(Refusal::new(
            StatusCode::CONFLICT,
            "No password to change",
            format!("You sign in through {}. Change your password there.", provider.name),
        ))),
        None => Ok((user, settings)),
    }
}

async fn build(
    app: &AppState,
    principal: &Principal,
    error: Option<String>,
) -> Result<ChangePasswordPage, Error> {
    let (user, settings) = user_with_local_password(app, principal).await?;
    let shell = Shell::build(app, principal, "profile", None).await?;
    Ok(ChangePasswordPage { shell, user, rules: password::rules(&settings), check: "own=true", error })
}

pub(super) async fn show(State(app): State<AppState>, principal: Principal) -> Result<Response, Error> {
    match confirm::redirect_unless_recent(&app, &principal, "/profile/password") {
        Some(elsewhere) => Ok(elsewhere),
        None => page::render(&build(&app, &principal, None).await?),
    }
}

/// Sets the new password, ends all other sessions and all API tokens of the user, gives this session a new secret and
/// notifies the user by mail.
pub(super) async fn change(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ChangePasswordForm>,
) -> Result<Response, Error> {
    if let Some(elsewhere) = confirm::redirect_unless_recent(&app, &principal, "/profile/password") {
        return Ok(elsewhere);
    }
    principal.require_recent_authentication(app.kernel.clock.now())?;
    let (user, settings) = user_with_local_password(&app, &principal).await?;
    let (typed, names) = (Password::new(&form.password), PersonalTerms::from(&user));
    let hash = match password::prepare(&app.signin, &settings, &typed, &names, Some(&user.id)).await {
        Ok(hash) => hash,
        Err(error) => {
            let page = build(&app, &principal, Some(Error::from(error).for_form()?)).await?;
            return page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let context = principal.context(&request);
    let mut tx = app.kernel.db.begin().await?;
    users::lock(&mut tx, &user.account_id, &user.id).await?;
    // A session that has ended since the request began must not decide on the password.
    let Some(secret) = sessions::renew(&mut tx, &context, &principal, None).await? else {
        return Ok(Redirect::to("/login").into_response());
    };
    let reason = PasswordChangeReason::Change;
    let user = password::set(&app.kernel, &mut tx, &context, &user, &hash, reason).await?;
    sessions::sweep(&mut tx, &context, &user, principal.session_id().unwrap_or_default()).await?;
    tx.commit().await?;
    let cookie = (header::SET_COOKIE, flow::cookies(&app.kernel).set_session(&secret));
    Ok(([cookie], Redirect::to("/profile?notice=password_changed")).into_response())
}

/// After a sign-in with a password that expires soon: offers to change it now or to continue.
pub(super) async fn ending(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ConfirmQuery>,
) -> Result<Response, Error> {
    let return_to = local_path(query.return_to.as_deref(), "/").to_owned();
    let (user, settings) = user_with_local_password(&app, &principal).await?;
    let changed_at = password::changed_at(&mut *app.kernel.db.read().await?, &user.id).await?;
    match changed_at.and_then(|at| password::expires_at(&settings, at)) {
        Some(end) => {
            let days = days_until(app.kernel.clock.now(), end).max(0);
            page::render(&EndingPage { days, return_to })
        }
        None => Ok(Redirect::to(&return_to).into_response()),
    }
}
