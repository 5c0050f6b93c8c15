//! The pages for choosing a password behind a one-time link.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{TokenQuery, invalid_link};
use crate::directory::accounts::{self, Account};
use crate::directory::users::{self, User};
use crate::idp::connections::{self, Connection};
use crate::kernel::http::RequestContext;
use crate::provisioning::invitations;
use crate::signin::one_time_links::{self, InviteeNames, LinkPurpose, PasswordChoice, SetPasswordError};
use crate::signin::password::{self, Password, PolicyRule};
use crate::signin::{flow, policy};
use crate::web::{AppState, Error, login, page};

#[derive(Template)]
#[template(path = "signin/choose.html")]
struct SetPasswordPage {
    purpose: LinkPurpose,
    token: String,
    account: Account,
    user: User,
    /// The identity provider through which an invited user can sign in instead.
    provider: Option<Connection>,
    given_name: String,
    family_name: String,
    rules: Vec<PolicyRule>,
    check: String,
    /// Whether the account lets the user sign in with a password.
    password_is_allowed: bool,
    error: Option<String>,
}

impl SetPasswordPage {
    fn action(&self) -> &'static str {
        match self.purpose {
            LinkPurpose::Setup | LinkPurpose::Enrol => "/setup",
            LinkPurpose::Reset => "/login/reset",
            LinkPurpose::Invite => "/invite",
        }
    }

    fn invited(&self) -> bool {
        self.purpose == LinkPurpose::Invite
    }
}

#[derive(Deserialize)]
pub(super) struct SetPasswordForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
    given_name: Option<String>,
    family_name: Option<String>,
}

async fn build(app: &AppState, token: &str, purpose: LinkPurpose) -> Result<SetPasswordPage, Error> {
    let link = super::find_link(app, token, purpose).await?;
    let (Some(account_id), Some(user_id)) = (link.account_id, link.user_id) else {
        return Err(invalid_link(purpose));
    };
    let mut c = app.kernel.db.read().await?;
    let account = accounts::by_id(&mut c, &account_id).await?.ok_or_else(|| invalid_link(purpose))?;
    let user = users::by_id(&mut c, &account_id, &user_id).await?;
    let user =
        user.filter(|user| one_time_links::may_use(user, purpose)).ok_or_else(|| invalid_link(purpose))?;
    let provider = match purpose {
        LinkPurpose::Invite => connections::route_for_user(&mut c, &user, app.kernel.clock.now()).await?,
        LinkPurpose::Setup | LinkPurpose::Reset | LinkPurpose::Enrol => None,
    };
    let settings = account.settings()?;
    Ok(SetPasswordPage {
        purpose,
        password_is_allowed: policy::may_use_password(&mut c, &settings, &user).await?,
        rules: password::rules(&settings.password),
        check: format!("token={token}"),
        token: token.to_owned(),
        given_name: user.given_name.clone().unwrap_or_default(),
        family_name: user.family_name.clone().unwrap_or_default(),
        account,
        user,
        provider,
        error: None,
    })
}

pub(super) async fn show(app: &AppState, token: &str, purpose: LinkPurpose) -> Result<Response, Error> {
    page::render(&build(app, token, purpose).await?)
}

pub(super) async fn show_reset(
    State(app): State<AppState>,
    Query(query): Query<TokenQuery>,
) -> Result<Response, Error> {
    show(&app, &query.token, LinkPurpose::Reset).await
}

pub(super) async fn show_invite(
    State(app): State<AppState>,
    Query(query): Query<TokenQuery>,
) -> Result<Response, Error> {
    show(&app, &query.token, LinkPurpose::Invite).await
}

pub(super) async fn submit_setup(
    app: &AppState,
    request: &RequestContext,
    headers: &HeaderMap,
    token: String,
    password: String,
) -> Result<Response, Error> {
    let form = SetPasswordForm { token, password, given_name: None, family_name: None };
    submit(app, request, headers, form, LinkPurpose::Setup).await
}

pub(super) async fn submit_reset(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<SetPasswordForm>,
) -> Result<Response, Error> {
    submit(&app, &request, &headers, form, LinkPurpose::Reset).await
}

pub(super) async fn submit_invite(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<SetPasswordForm>,
) -> Result<Response, Error> {
    submit(&app, &request, &headers, form, LinkPurpose::Invite).await
}

/// Sends an invited user to their company's identity provider instead. A sign-in there proves that the
/// address is theirs and accepts the invitation; it leads to the landing URL of the invitation.
pub(super) async fn go_to_provider(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<SetPasswordForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let page = build(&app, &form.token, LinkPurpose::Invite).await?;
    let provider = page.provider.ok_or_else(|| invalid_link(LinkPurpose::Invite))?;
    let landing = invitations::landing_url_of(&mut *app.kernel.db.read().await?, &page.user.id).await?;
    let names = flow::cookies(&app.kernel);
    let browser = names.browser_secret(&headers);
    let mut tx = app.kernel.db.begin().await?;
    let begin = flow::FlowStart {
        account_id: Some(&page.account.id),
        identifier: &page.user.user_name,
        return_to: landing.as_deref().unwrap_or("/"),
        browser: &browser,
    };
    let flow_id = flow::begin(&mut tx, begin).await?;
    tx.commit().await?;
    let to = Redirect::to(&format!("{}?flow={flow_id}", provider.login_path()));
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], to).into_response())
}

async fn submit(
    app: &AppState,
    request: &RequestContext,
    headers: &HeaderMap,
    form: SetPasswordForm,
    purpose: LinkPurpose,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let page = build(app, &form.token, purpose).await?;
    let typed_names = InviteeNames {
        given_name: form.given_name.as_deref().unwrap_or_default(),
        family_name: form.family_name.as_deref().unwrap_or_default(),
    };
    let typed = Password::new(&form.password);
    let chosen =
        PasswordChoice { link: &form.token, password: &typed, names: page.invited().then_some(typed_names) };
    let landing = if page.invited() {
        invitations::landing_url_of(&mut *app.kernel.db.read().await?, &page.user.id).await?
    } else {
        None
    };
    let names = flow::cookies(&app.kernel);
    let secret = names.browser_secret(headers);
    let browser = names.binding_of(headers, &secret);
    let landing = landing.as_deref().unwrap_or("/");
    let error = match one_time_links::set_password(&app.signin, request, browser, landing, chosen).await {
        Ok(outcome) => return Ok(login::sign_in_response(app, &outcome)),
        Err(SetPasswordError::LinkInvalid) => return Err(invalid_link(purpose)),
        Err(SetPasswordError::SignIn(refused)) => return Err(login::sign_in_refusal(refused)),
        Err(SetPasswordError::Prepare(error)) => Error::from(error),
        Err(SetPasswordError::Directory(error)) => error.into(),
        Err(SetPasswordError::Database(error)) => error.into(),
    };
    let page = SetPasswordPage {
        error: Some(error.for_form()?),
        given_name: typed_names.given_name.to_owned(),
        family_name: typed_names.family_name.to_owned(),
        ..page
    };
    page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
