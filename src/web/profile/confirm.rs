//! Reauthentication before a sensitive step, so that an unattended screen is not enough for it.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::access::Principal;
use crate::directory::accounts::{self, AllowedMethods};
use crate::directory::users::User;
use crate::idp::connections::{self, Connection, LdapConnection};
use crate::idp::ldap;
use crate::kernel::Timestamp;
use crate::kernel::database::DbConn;
use crate::kernel::http::RequestContext;
use crate::kernel::urls::{local_path, query_value};
use crate::signin::flow::{self, SessionRequest};
use crate::signin::password::{self, Password};
use crate::signin::{SignInError, factors, identities, policy};
use crate::web::login;
use crate::web::page::{self, Shell};
use crate::web::two_factor::{self, FactorPrompt, FactorResponseForm, HiddenField, PromptPage};
use crate::web::{AppState, Error};

#[derive(Template)]
#[template(path = "profile/confirm.html")]
struct ConfirmPage {
    shell: Shell,
    return_to: String,
    has_password: bool,
    /// Whether a password would be of use to the user.
    may_use_password: bool,
    /// The prompt for a second factor. A user who has one is not asked for a password.
    factor: Option<FactorPrompt>,
    provider: Option<Connection>,
    error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct ConfirmQuery {
    pub(super) return_to: Option<String>,
    recovery: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ConfirmForm {
    #[serde(default)]
    password: String,
    #[serde(default)]
    return_to: String,
    #[serde(flatten)]
    factor: FactorResponseForm,
}

/// Redirects to reauthentication, and back to `return_to` afterwards.
pub(crate) fn redirect_to_confirm(return_to: &str) -> Response {
    Redirect::to(&format!("/profile/confirm?return_to={}", query_value(return_to))).into_response()
}

/// Redirects to reauthentication if the last one is not recent enough.
pub(crate) fn redirect_unless_recent(
    app: &AppState,
    principal: &Principal,
    return_to: &str,
) -> Option<Response> {
    if principal.is_recently_authenticated(app.kernel.clock.now()) || principal.session_id().is_none() {
        return None;
    }
    Some(redirect_to_confirm(return_to))
}

async fn build(
    app: &AppState,
    principal: &Principal,
    return_to: &str,
    recovery: bool,
    error: Option<&'static str>,
) -> Result<ConfirmPage, Error> {
    let user = super::signed_in_user(app, principal).await?;
    let shell = Shell::build(app, principal, "profile", None).await?;
    let directory = directory_of(app, &user).await?;
    let mut c = app.kernel.db.read().await?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await?;
    let may_use_password = policy::may_use_password(&mut c, &settings, &user).await?;
    let has_password =
        directory.is_some() || may_use_password && password::changed_at(&mut c, &user.id).await?.is_some();
    let provider = provider_of(&mut c, &user, app.kernel.clock.now()).await?;
    let owned = factors::of_user(&mut c, &user.id).await?;
    drop(c);
    let mut factor = None;
    if let Some(session) = principal.session_id().filter(|_| !owned.is_empty()) {
        let page = PromptPage {
            action: "/profile/confirm",
            hidden: HiddenField { name: "return_to", value: return_to.to_owned() },
            recovery,
            error,
        };
        factor = Some(FactorPrompt::build(app, &user.id, session, &owned, page)?);
    }
    let return_to = return_to.to_owned();
    Ok(ConfirmPage { shell, return_to, has_password, may_use_password, factor, provider, error })
}

pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ConfirmQuery>,
) -> Result<Response, Error> {
    let return_to = local_path(query.return_to.as_deref(), "/profile");
    page::render(&build(&app, &principal, return_to, query.recovery.is_some(), None).await?)
}

/// The methods that the sign-in rules allow for the user. One that may not sign the user in cannot confirm either.
async fn allowed_methods(c: &mut DbConn, user: &User) -> Result<AllowedMethods, sqlx::Error> {
    let settings = accounts::settings_of(&mut *c, &user.account_id).await?;
    policy::allowed_methods(c, &settings, Some(user), user.email_or_user_name()).await
}

/// The directory that checks the password of the user, if they may sign in with it.
async fn directory_of(app: &AppState, user: &User) -> Result<Option<LdapConnection>, Error> {
    let name = user.email_or_user_name();
    let found = app.idp_discovery.directory_for(&app.kernel, &user.account_id, name).await?;
    let Some(directory) = found else { return Ok(None) };
    let allowed = allowed_methods(&mut *app.kernel.db.read().await?, user).await?;
    Ok(allowed.permits_connection(&directory.id).then_some(directory))
}

/// The connection through which the user signs in again, if they may sign in with it: the one that their
/// address is routed to, or else one that they are linked to.
async fn provider_of(c: &mut DbConn, user: &User, now: Timestamp) -> Result<Option<Connection>, sqlx::Error> {
    let allowed = allowed_methods(&mut *c, user).await?;
    let is_usable = |one: &Connection| one.has_button() && allowed.permits_connection(&one.id);
    let routed = connections::route_for_user(&mut *c, user, now).await?;
    if let Some(routed) = routed.filter(is_usable) {
        return Ok(Some(routed));
    }
    let linked = identities::of_user(&mut *c, &user.id).await?;
    let is_linked = |one: &Connection| linked.iter().any(|identity| identity.connection_id == one.id);
    let all = connections::sign_in_connections(c, &user.account_id).await?;
    Ok(all.into_iter().find(|one| is_usable(one) && is_linked(one)))
}

/// The user is signed in, so the text may be specific.
fn confirmation_error_text(refused: SignInError) -> Result<&'static str, Error> {
    match refused {
        SignInError::WrongPassword => Ok("The password is incorrect. Try again."),
        SignInError::Locked => Ok(
            "There have been too many failed attempts, so your password is not checked for a while. Wait, or \
             reset your password on the sign-in page.",
        ),
        SignInError::SecondFactor(wrong) => Ok(two_factor::factor_error_text(wrong)),
        other => login::password_error_text(other),
    }
}

pub(super) async fn confirm(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let user = super::signed_in_user(&app, &principal).await?;
    let return_to = local_path(Some(&form.return_to), "/profile");
    // A user with a second factor must present it: a password can be seen while it is typed.
    let has_factor = factors::is_enrolled(&mut *app.kernel.db.read().await?, &principal.user_id()).await?;
    let session = SessionRequest { signin: &app.signin, request: &request, principal: &principal };
    let confirmed = if has_factor {
        session.confirm_second_factor(form.factor.response()).await
    } else if let Some(directory) = directory_of(&app, &user).await? {
        ldap::reauthenticate(&app.idp, &session, &directory, &form.password).await
    } else {
        session.confirm_password(&Password::new(&form.password)).await
    };
    match confirmed {
        Ok(secret) => {
            let cookie = [(header::SET_COOKIE, flow::cookies(&app.kernel).set_session(&secret))];
            Ok((cookie, Redirect::to(return_to)).into_response())
        }
        Err(SignInError::FlowEnded) => Ok(Redirect::to("/login").into_response()),
        Err(refused) => {
            let error = Some(confirmation_error_text(refused)?);
            let page = build(&app, &principal, return_to, form.factor.is_recovery(), error).await?;
            page::render_with_status(StatusCode::UNAUTHORIZED, &page)
        }
    }
}
