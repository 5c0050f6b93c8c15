//! The pages of users.

use askama::Template;
use axum::Form;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{ConsoleListQuery, PAGE_SIZE};
use crate::access::{Role, roles_of};
use crate::admin;
use crate::admin::users::UserListSearch;
use crate::directory::accounts;
use crate::directory::groups::{self, Group};
use crate::directory::users::{Profile, User};
use crate::idp::connections;
use crate::kernel::TextEnum as _;
use crate::kernel::Timestamp;
use crate::provisioning::invitations::{self, Invitation};
use crate::signin::factors::{self, Factor};
use crate::signin::identities::{self, Identity, PendingIdentity};
use crate::signin::lockout;
use crate::signin::password::{self, PolicyRule};
use crate::signin::sessions::{self, Session};
use crate::web::page::{self, Shell, non_empty};
use crate::web::{AuthenticatedRequest, Error};

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

/// What the user's page shows about the password.
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
    pending_identities: Vec<PendingIdentity>,
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
            // The form has no display name, so it is derived from the other names again.
            display_name: None,
            ..base
        }
    }
}

pub(super) async fn list(
    request: AuthenticatedRequest,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    let shell = Shell::build(&request.app, &request.principal, "users", query.notice.as_deref()).await?;
    let mut c = request.app.kernel.db.read().await?;
    let search = UserListSearch { user_name: None, text: &query.q, after: &query.after, limit: PAGE_SIZE };
    let page = admin::users::list(&mut c, &request.principal, search).await?;
    page::render(&UsersPage { shell, q: query.q, users: page.items, next: page.next })
}

async fn build_new(
    request: &AuthenticatedRequest,
    form: UserForm,
    error: Option<String>,
) -> Result<NewUserPage, Error> {
    let shell = Shell::build(&request.app, &request.principal, "users", None).await?;
    let settings =
        accounts::settings_of(&mut *request.app.kernel.db.read().await?, &request.principal.account_id)
            .await?;
    let form = UserForm { password: String::new(), ..form };
    Ok(NewUserPage { shell, form, error, rules: password::rules(&settings.password), check: "own=false" })
}

pub(super) async fn new(request: AuthenticatedRequest) -> Result<Response, Error> {
    page::render(&build_new(&request, UserForm::default(), None).await?)
}

pub(super) async fn create(
    request: AuthenticatedRequest,
    Form(form): Form<UserForm>,
) -> Result<Response, Error> {
    match try_create(&request, &form).await {
        Ok(id) => Ok(Redirect::to(&format!("/console/users/{id}?notice=user_created")).into_response()),
        Err(error) => {
            let error = Some(error.for_form()?);
            let page = build_new(&request, form, error).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

async fn try_create(request: &AuthenticatedRequest, form: &UserForm) -> Result<String, Error> {
    let mut profile = form.profile(Profile { active: true, ..Profile::default() });
    if profile.user_name.is_empty() {
        profile.user_name = profile.email.clone().unwrap_or_default();
    }
    let password = Some(form.password.as_str());
    Ok(admin::users::create(&request.admin(), profile, password, &form.roles()).await?.id.into())
}

async fn build(
    request: &AuthenticatedRequest,
    id: &str,
    notice: Option<&str>,
    error: Option<String>,
) -> Result<UserPage, Error> {
    let shell = Shell::build(&request.app, &request.principal, "users", notice).await?;
    let mut c = request.app.kernel.db.read().await?;
    let user = request.principal.find_user(&mut c, id).await?;
    let manager = match &user.connection_id {
        Some(id) => connections::by_id(&mut c, &request.principal.account_id, id).await?.map(|c| c.name),
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
    let now = request.app.kernel.clock.now();
    let settings = accounts::settings_of(&mut c, &request.principal.account_id).await?.password;
    let changed_at = password::changed_at(&mut c, &user.id).await?;
    let facts =
        |changed_at| PasswordFacts { changed_at, ends_at: password::expires_at(&settings, changed_at) };
    Ok(UserPage {
        groups: groups::of_user(&mut c, &request.principal.account_id, &user.id).await?,
        sessions: sessions::of_user(&mut c, &request.principal.account_id, &user.id, now).await?,
        password: changed_at.map(facts),
        factors: factors::of_user(&mut c, &user.id).await?,
        codes_left: factors::codes_left(&mut c, &user.id).await?,
        locked_until: lockout::locked_until(&mut c, &request.principal.account_id, &user.id, now).await?,
        identities: identities::of_user(&mut c, &user.id).await?,
        pending_identities: identities::pending_of_user(&mut c, &user, now).await?,
        invitation: if user.is_pending() {
            invitations::of_user(&mut c, &request.principal.account_id, &user.id).await?
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
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Query(query): Query<ConsoleListQuery>,
) -> Result<Response, Error> {
    page::render(&build(&request, &id, query.notice.as_deref(), None).await?)
}

/// Redirects to the user's page with a notice, or renders it again with the error.
pub(super) async fn redirect_or_rerender(
    request: &AuthenticatedRequest,
    id: &str,
    done: Result<&str, impl Into<Error>>,
) -> Result<Response, Error> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/console/users/{id}?notice={notice}")).into_response()),
        Err(error) => {
            let page = build(request, id, None, Some(error.into().for_form()?)).await?;
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

pub(super) async fn save(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<UserForm>,
) -> Result<Response, Error> {
    // The form of a managed user contains only the role.
    let edit = |user: &User| match user.connection_id {
        None => form.profile(user.profile()),
        Some(_) => user.profile(),
    };
    let done = admin::users::change(&request.admin(), &id, edit, Some(&form.roles())).await;
    let done = done.map(|_| "user_saved");
    redirect_or_rerender(&request, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct ActiveForm {
    active: bool,
}

pub(super) async fn set_active(
    request: AuthenticatedRequest,
    Path(id): Path<String>,
    Form(form): Form<ActiveForm>,
) -> Result<Response, Error> {
    let notice = if form.active { "user_activated" } else { "user_deactivated" };
    let done = admin::users::set_active(&request.admin(), &id, form.active).await;
    let done = done.map(|()| notice);
    redirect_or_rerender(&request, &id, done).await
}

pub(super) async fn delete(request: AuthenticatedRequest, Path(id): Path<String>) -> Result<Response, Error> {
    match admin::users::delete(&request.admin(), &id).await {
        Ok(()) => Ok(Redirect::to("/console/users?notice=user_deleted").into_response()),
        Err(error) => redirect_or_rerender(&request, &id, Err(error)).await,
    }
}
