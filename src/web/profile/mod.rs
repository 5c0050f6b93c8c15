//! A user's own pages: password, sessions, linked identities and tokens.

mod confirm;
mod identities;
mod password;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page::{self, Shell};
use super::{AppState, Error};
use crate::access::tokens::{self, ApiToken};
use crate::access::{Guard, Principal, PrincipalKind, Routes};
use crate::admin;
use crate::admin::tokens::NewApiToken;
use crate::directory::accounts;
use crate::directory::groups::{self, Group};
use crate::directory::users::{self, User};
use crate::idp::connections::{self, Connection, ConnectionKind};
use crate::kernel::Timestamp;
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::factors::{self, Factor};
use crate::signin::identities::{Identity, of_user};
use crate::signin::password as credentials;
use crate::signin::sessions::{self, Session};

pub(super) fn routes() -> Routes<AppState> {
    Routes::default()
        .get("/profile", Guard::SignedIn, show)
        .get("/profile/password", Guard::SignedIn, password::show)
        .post("/profile/password", Guard::SignedIn, password::change)
        .get("/profile/password/ending", Guard::SignedIn, password::ending)
        .get("/profile/confirm", Guard::RestrictedSession, confirm::show)
        .post("/profile/confirm", Guard::RestrictedSession, confirm::confirm)
        .post("/profile/sessions/revoke", Guard::SignedIn, revoke_session)
        .post("/profile/sessions/revoke-others", Guard::SignedIn, revoke_others)
        .post("/profile/identities/link", Guard::SignedIn, identities::link)
        .post("/profile/identities/unlink", Guard::SignedIn, identities::unlink)
        .post("/profile/tokens", Guard::SignedIn, create_token)
        .post("/profile/tokens/revoke", Guard::SignedIn, revoke_token)
}

pub(super) use confirm::{redirect_to_confirm, redirect_unless_recent};

#[derive(Template)]
#[template(path = "profile/profile.html")]
struct ProfilePage {
    shell: Shell,
    user: User,
    groups: Vec<Group>,
    sessions: Vec<Session>,
    current: String,
    tokens: Vec<ApiToken>,
    password_changed_at: Option<Timestamp>,
    password_ends_at: Option<Timestamp>,
    factors: Vec<Factor>,
    identities: Vec<Identity>,
    /// Providers that the user can link.
    linkable: Vec<Connection>,
    now: Timestamp,
    secret: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct ProfileQuery {
    notice: Option<String>,
}

pub(super) async fn signed_in_user(app: &AppState, principal: &Principal) -> Result<User, Error> {
    let service_account = || {
        let detail = "Service accounts have no profile. Manage their tokens in the console.";
        Error::Refused(Refusal::new(StatusCode::FORBIDDEN, "Available to users only", detail))
    };
    if principal.kind != PrincipalKind::User {
        return Err(service_account());
    }
    let mut c = app.kernel.db.read().await?;
    users::by_id(&mut c, &principal.account_id, &principal.user_id()).await?.ok_or_else(service_account)
}

async fn render(
    app: &AppState,
    principal: &Principal,
    notice: Option<&str>,
    secret: Option<String>,
    error: Option<String>,
) -> Result<Response, Error> {
    let user = signed_in_user(app, principal).await?;
    let shell = Shell::build(app, principal, "profile", notice).await?;
    let now = app.kernel.clock.now();
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let mut c = app.kernel.db.read().await?;
    let password_changed_at = credentials::changed_at(&mut c, &user.id).await?;
    let settings = accounts::settings_of(&mut c, &user.account_id).await?.password;
    let identities = of_user(&mut c, &user.id).await?;
    let mut linkable = connections::sign_in_connections(&mut c, &user.account_id).await?;
    linkable.retain(|one| {
        one.kind() == Some(ConnectionKind::Oidc)
            && identities.iter().all(|known| known.connection_id != one.id)
    });
    let page = ProfilePage {
        identities,
        linkable,
        password_ends_at: password_changed_at.and_then(|at| credentials::expires_at(&settings, at)),
        password_changed_at,
        factors: factors::of_user(&mut c, &user.id).await?,
        groups: groups::of_user(&mut c, &user.account_id, &user.id).await?,
        sessions: sessions::of_user(&mut c, &user.account_id, &user.id, now).await?,
        current: principal.session_id().unwrap_or_default().to_owned(),
        tokens: tokens::list(&mut c, &user.account_id, Some(&user.id), "", 100).await?,
        shell,
        user,
        now,
        secret,
        error,
    };
    page::render_with_status(status, &page)
}

async fn show(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<ProfileQuery>,
) -> Result<Response, Error> {
    render(&app, &principal, query.notice.as_deref(), None, None).await
}

#[derive(Deserialize)]
struct ProfileIdForm {
    id: String,
}

async fn revoke_session(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ProfileIdForm>,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let session = sessions::by_id(&mut tx, &principal.user_id(), &form.id).await?;
    let session = session.ok_or_else(|| Error::not_found("session"))?;
    sessions::revoke(&mut tx, &principal.context(&request), &session).await?;
    tx.commit().await?;
    Ok(Redirect::to("/profile?notice=session_revoked").into_response())
}

async fn revoke_others(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
) -> Result<Response, Error> {
    let user = signed_in_user(&app, &principal).await?;
    let mut tx = app.kernel.db.begin().await?;
    let own = principal.session_id().unwrap_or_default();
    sessions::revoke_all(&mut tx, &principal.context(&request), &user, own).await?;
    tx.commit().await?;
    Ok(Redirect::to("/profile?notice=sessions_revoked").into_response())
}

#[derive(Deserialize)]
struct PersonalTokenForm {
    name: String,
    #[serde(default)]
    expires_on: String,
}

async fn create_token(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<PersonalTokenForm>,
) -> Result<Response, Error> {
    if let Some(elsewhere) = confirm::redirect_unless_recent(&app, &principal, "/profile") {
        return Ok(elsewhere);
    }
    let made = async {
        let expires_at = admin::tokens::parse_expiry_date(&form.expires_on)?;
        let new = NewApiToken { name: &form.name, service_account_id: None, application: None, expires_at };
        let (_, secret) = admin::tokens::create(&app.admin_request(&principal, &request), new).await?;
        Ok::<_, Error>(secret)
    };
    match made.await {
        Ok(secret) => render(&app, &principal, None, Some(secret), None).await,
        Err(error) => render(&app, &principal, None, None, Some(error.for_form()?)).await,
    }
}

async fn revoke_token(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<ProfileIdForm>,
) -> Result<Response, Error> {
    admin::tokens::revoke(&app.admin_request(&principal, &request), &form.id).await?;
    Ok(Redirect::to("/profile?notice=token_revoked").into_response())
}
