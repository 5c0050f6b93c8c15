//! Users.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{ConsoleListQuery, PAGE_SIZE, truncate_page};
use crate::access::{self, Principal, Role, roles_of};
use crate::directory::accounts;
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, ChangeAuthority, Profile, User};
use crate::idp::connections;
use crate::kernel::Timestamp;
use crate::kernel::http::RequestContext;
use crate::provisioning::invitations::{self, Invitation};
use crate::signin::factors::{self, Factor};
use crate::signin::identities::{self, Identity};
use crate::signin::lockout;
use crate::signin::password::{self, PasswordChangeReason, PolicyRule};
use crate::signin::sessions::{self, Session};
use crate::web::page::{self, Shell, non_empty};
use crate::web::{AppState, Error, admin};

#[derive(Template)]
#[template(path = "console/users.html")]
struct UsersPage {
    shell: Shell,
    q: String,
    users: Vec<User>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "console/user_new.html")]
struct NewUserPage {
    shell: Shell,
    form: UserForm,
    error: Option<String>,
    rules: Vec<PolicyRule>,
    check: &'static str,
}

/// What the user's page says about the password.
struct PasswordFacts {
    changed_at: Timestamp,
    ends_at: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "console/user.html")]
struct UserPage {
    shell: Shell,
    user: User,
    form: UserForm,
    manager: Option<String>,
    groups: Vec<Group>,
    sessions: Vec<Session>,
    password: Option<PasswordFacts>,
    locked_until: Option<Timestamp>,
    factors: Vec<Factor>,
    codes_left: i64,
    invitation: Option<Invitation>,
    identities: Vec<Identity>,
    error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserForm {
    user_name: String,
    email: String,
    given_name: String,
    family_name: String,
    role: String,
    password: String,
}

impl UserForm {
    fn roles(&self) -> Vec<Role> {
        Role::parse(&self.role).into_iter().collect()
    }

    fn profile(&self, base: Profile) -> Profile {
        Profile {
            user_name: self.user_name.trim().to_owned(),
            email: non_empty(&self.email),
            given_name: non_empty(&self.given_name),
            family_name: non_empty(&self.family_name),
            // The name shown follows the parts unless a directory said otherwise.
            display_name: None,
            ..base
        }
    }
}

pub(super) async fn list(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&app, &principal, "users", query.notice.as_deref()).await?;
    let mut c = app.kernel.db.read().await?;
    let mut users =
        users::search(&mut c, &principal.account_id, &query.q, &query.after, PAGE_SIZE + 1).await?;
    let next = truncate_page(&mut users, |user| &user.id);
    page::render(&UsersPage { shell, q: query.q, users, next })
}

async fn build_new(
    app: &AppState,
    principal: &Principal,
    form: UserForm,
    error: Option<String>,
) -> Result<NewUserPage, Error> {
    let shell = Shell::build(app, principal, "users", None).await?;
    let settings = accounts::settings_of(&mut *app.kernel.db.read().await?, &principal.account_id).await?;
    let form = UserForm { password: String::new(), ..form };
    Ok(NewUserPage { shell, form, error, rules: password::rules(&settings.password), check: "own=false" })
}

pub(super) async fn new(State(app): State<AppState>, principal: Principal) -> Result<Response, Error> {
    page::render(&build_new(&app, &principal, UserForm::default(), None).await?)
}

pub(super) async fn create(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<UserForm>,
) -> Result<Response, Error> {
    match try_create(&app, &principal, &request, &form).await {
        Ok(id) => Ok(Redirect::to(&format!("/console/users/{id}?notice=user_created")).into_response()),
        Err(error) => {
            let error = Some(error.for_form()?);
            let page = build_new(&app, &principal, form, error).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

async fn try_create(
    app: &AppState,
    principal: &Principal,
    request: &RequestContext,
    form: &UserForm,
) -> Result<String, Error> {
    let mut profile = form.profile(Profile { active: true, ..Profile::default() });
    if profile.user_name.is_empty() {
        profile.user_name = profile.email.clone().unwrap_or_default();
    }
    let hash = admin::hash_initial_password(app, principal, Some(&form.password), &profile).await?;
    let context = principal.context(request);
    let mut tx = app.kernel.db.begin().await?;
    let user = users::create(&mut tx, &context, ChangeAuthority::Local, profile).await?;
    if let Some(hash) = hash {
        password::set(&app.kernel, &mut tx, &context, &user, &hash, PasswordChangeReason::Administrator)
            .await?;
    }
    access::set_user_roles(&mut tx, &context, &user, &form.roles()).await?;
    tx.commit().await?;
    Ok(user.id)
}

async fn build(
    app: &AppState,
    principal: &Principal,
    id: &str,
    notice: Option<&str>,
    error: Option<String>,
) -> Result<UserPage, Error> {
    let shell = Shell::build(app, principal, "users", notice).await?;
    let mut c = app.kernel.db.read().await?;
    let user = admin::find_user(&mut c, principal, id).await?;
    let manager = match &user.connection_id {
        Some(id) => connections::by_id(&mut c, &principal.account_id, id).await?.map(|c| c.name),
        None => None,
    };
    let roles = roles_of(&mut c, &user.id).await?;
    let form = UserForm {
        user_name: user.user_name.clone(),
        email: user.email.clone().unwrap_or_default(),
        given_name: user.given_name.clone().unwrap_or_default(),
        family_name: user.family_name.clone().unwrap_or_default(),
        role: roles.first().map(|role| role.as_str().to_owned()).unwrap_or_default(),
        password: String::new(),
    };
    let now = app.kernel.clock.now();
    let settings = accounts::settings_of(&mut c, &principal.account_id).await?.password;
    let changed_at = password::changed_at(&mut c, &user.id).await?;
    let facts =
        |changed_at| PasswordFacts { changed_at, ends_at: password::expires_at(&settings, changed_at) };
    Ok(UserPage {
        groups: groups::of_user(&mut c, &principal.account_id, &user.id).await?,
        sessions: sessions::of_user(&mut c, &principal.account_id, &user.id, now).await?,
        password: changed_at.map(facts),
        factors: factors::of_user(&mut c, &user.id).await?,
        codes_left: factors::codes_left(&mut c, &user.id).await?,
        locked_until: lockout::locked_until(&mut c, &principal.account_id, &user.id, now).await?,
        identities: identities::of_user(&mut c, &user.id).await?,
        invitation: if user.is_pending() {
            invitations::of_user(&mut c, &principal.account_id, &user.id).await?
        } else {
            None
        },
        shell,
        user,
        form,
        manager,
        error,
    })
}

pub(super) async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    page::render(&build(&app, &principal, &id, query.notice.as_deref(), None).await?)
}

/// Goes back to the user's page: with a notice, or with the reason why not.
async fn redirect_or_rerender(
    app: &AppState,
    principal: &Principal,
    id: &str,
    done: Result<&str, Error>,
) -> Result<Response, Error> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/console/users/{id}?notice={notice}")).into_response()),
        Err(error) => {
            let page = build(app, principal, id, None, Some(error.for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

pub(super) async fn save(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<UserForm>,
) -> Result<Response, Error> {
    let done = async {
        let context = principal.context(&request);
        let mut tx = app.kernel.db.begin().await?;
        let user = admin::find_user(&mut tx, &principal, &id).await?;
        if !form.roles().contains(&Role::AccountAdmin) {
            // First, so that the account is locked before the user is, as everywhere.
            access::ensure_not_last_admin(&mut tx, &user).await?;
        }
        // A managed user's form has the role only.
        let user = match user.connection_id {
            None => {
                let wanted = form.profile(user.profile());
                admin::update_user(&app, &mut tx, &context, &user, wanted).await?
            }
            Some(_) => user,
        };
        access::set_user_roles(&mut tx, &context, &user, &form.roles()).await?;
        tx.commit().await?;
        Ok("user_saved")
    };
    let done = done.await;
    redirect_or_rerender(&app, &principal, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct ActiveForm {
    active: bool,
}

pub(super) async fn set_active(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<ActiveForm>,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let user = admin::find_user(&mut tx, &principal, &id).await?;
        access::set_user_active(&mut tx, &principal.context(&request), &user, form.active).await?;
        tx.commit().await?;
        Ok(if form.active { "user_activated" } else { "user_deactivated" })
    };
    let done = done.await;
    redirect_or_rerender(&app, &principal, &id, done).await
}

pub(super) async fn revoke_sessions(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let user = admin::find_user(&mut tx, &principal, &id).await?;
    let own = principal.session_id().filter(|_| principal.id == user.id).unwrap_or_default();
    sessions::revoke_all(&mut tx, &principal.context(&request), &user, own).await?;
    tx.commit().await?;
    redirect_or_rerender(&app, &principal, &id, Ok("sessions_revoked")).await
}

/// Lets a locked user try again at once.
pub(super) async fn unlock(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    let done = admin::unlock_user(&app, &principal, &request, &id).await.map(|()| "user_unlocked");
    redirect_or_rerender(&app, &principal, &id, done).await
}

/// Mails the user a link to choose a new password.
pub(super) async fn send_reset(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    let done = admin::send_reset(&app, &principal, &request, &id).await.map(|()| "reset_sent");
    redirect_or_rerender(&app, &principal, &id, done).await
}

/// Ends the user's second factor and mails them a link for a new one.
pub(super) async fn reset_two_factor(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    let done = admin::reset_two_factor(&app, &principal, &request, &id).await.map(|()| "two_factor_reset");
    redirect_or_rerender(&app, &principal, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct SessionForm {
    session: String,
}

pub(super) async fn revoke_session(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<SessionForm>,
) -> Result<Response, Error> {
    let done = admin::revoke_session(&app, &principal, &request, id.as_str(), form.session.as_str())
        .await
        .map(|()| "session_revoked");
    redirect_or_rerender(&app, &principal, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct IdentityForm {
    identity: String,
}

pub(super) async fn unlink(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
    Form(form): Form<IdentityForm>,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let user = admin::find_user(&mut tx, &principal, &id).await?;
        admin::unlink_identity(&mut tx, &principal, &request, &user, &form.identity).await?;
        tx.commit().await?;
        Ok("user_unlinked")
    };
    redirect_or_rerender(&app, &principal, &id, done.await).await
}

pub(super) async fn delete(
    State(app): State<AppState>,
    principal: Principal,
    Path(id): Path<String>,
    request: RequestContext,
) -> Result<Response, Error> {
    let done = async {
        let mut tx = app.kernel.db.begin().await?;
        let user = admin::find_user(&mut tx, &principal, &id).await?;
        access::delete_user(&mut tx, &principal.context(&request), ChangeAuthority::Local, &user).await?;
        tx.commit().await?;
        Ok(())
    };
    match done.await {
        Ok(()) => Ok(Redirect::to("/console/users?notice=user_deleted").into_response()),
        Err(error) => redirect_or_rerender(&app, &principal, &id, Err(error)).await,
    }
}
