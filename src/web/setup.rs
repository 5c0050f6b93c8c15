//! The pages behind one-time links: first run and first password.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{App, Error, page};
use crate::access::{Guard, Routes};
use crate::directory::users::User;
use crate::directory::{self, users};
use crate::kernel::http::{Refusal, RequestContext};
use crate::kernel::{Kernel, Tx};
use crate::signin::setup::{self, FirstRun};
use crate::signin::{flow, password};

pub(super) fn routes() -> Routes<App> {
    Routes::default().get("/setup", Guard::Public, show).post("/setup", Guard::Public, submit)
}

/// The address of the first-run page while there is no account.
///
/// # Errors
/// The database's.
pub async fn ensure_setup_link(kernel: &Kernel) -> Result<Option<String>, sqlx::Error> {
    let secret = setup::ensure_first_run(kernel).await?;
    Ok(secret.map(|secret| kernel.urls.absolute(&format!("/setup?token={secret}"))))
}

/// The address where `user` sets a first password.
///
/// # Errors
/// The database's.
pub async fn create_first_password_link(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
) -> Result<String, sqlx::Error> {
    let secret = setup::create_for_user(tx, &user.id).await?;
    Ok(kernel.urls.absolute(&format!("/setup?token={secret}")))
}

#[derive(Template)]
#[template(path = "signin/setup.html")]
struct SetupPage {
    token: String,
    /// The person whose password is set; none at the first run.
    person: Option<String>,
    form: SetupForm,
    error: Option<String>,
    min_characters: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SetupForm {
    token: String,
    account_name: String,
    slug: String,
    email: String,
    given_name: String,
    family_name: String,
    password: String,
}

#[derive(Deserialize)]
struct TokenQuery {
    token: Option<String>,
}

fn spent() -> Error {
    Error::Refused(Refusal::new(
        StatusCode::GONE,
        "This link does not work any more",
        "One-time links work once and for a day. If this server has no account yet, restart it: it prints a new link. \
         Otherwise sign in.",
    ))
}

/// The user a working link is for; `Ok(None)` for the first run.
async fn person_of(app: &App, token: &str) -> Result<Option<User>, Error> {
    let mut c = app.kernel.db.read().await?;
    let link = setup::find(&mut c, token, app.kernel.clock.now()).await?.ok_or_else(spent)?;
    match link.user_id {
        None => Ok(None),
        Some(id) => Ok(Some(users::anywhere(&mut c, &id).await?.ok_or_else(spent)?)),
    }
}

async fn show(State(app): State<App>, Query(query): Query<TokenQuery>) -> Result<Response, Error> {
    let token = query.token.unwrap_or_default();
    let person = person_of(&app, &token).await?.map(|user| user.user_name);
    let form = SetupForm::default();
    page::render(&SetupPage { token, person, form, error: None, min_characters: password::MIN_CHARACTERS })
}

async fn submit(
    State(app): State<App>,
    request: RequestContext,
    Form(form): Form<SetupForm>,
) -> Result<Response, Error> {
    app.signin.throttle.address(request.address).map_err(super::login::throttled)?;
    let person = person_of(&app, &form.token).await?;
    let outcome = match &person {
        Some(user) => choose_password(&app, &request, user, &form).await,
        None => first_run(&app, &request, &form).await,
    };
    let error = match outcome {
        Ok(session) => {
            let cookie = [(header::SET_COOKIE, flow::cookies(&app.kernel).set_session(&session))];
            let to = if person.is_some() { "/" } else { "/console?notice=welcome" };
            return Ok((cookie, Redirect::to(to)).into_response());
        }
        Err(error) => error.for_form()?,
    };
    let page = SetupPage {
        token: form.token.clone(),
        person: person.map(|user| user.user_name),
        form: SetupForm { password: String::new(), ..form },
        error: Some(error),
        min_characters: password::MIN_CHARACTERS,
    };
    page::render_again(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

async fn first_run(app: &App, request: &RequestContext, form: &SetupForm) -> Result<String, Error> {
    password::check(&form.password, &[&form.email])?;
    // Everything typed is judged before the password is hashed, and again where it is stored.
    directory::Email::parse(&form.email)?;
    let hash = hash(app, &form.password).await?;
    let typed = FirstRun {
        account_name: form.account_name.clone(),
        slug: form.slug.trim().to_owned(),
        email: form.email.trim().to_owned(),
        given_name: form.given_name.clone(),
        family_name: form.family_name.clone(),
    };
    setup::complete(&app.kernel, request, &form.token, typed, &hash).await?.ok_or_else(spent)
}

async fn choose_password(
    app: &App,
    request: &RequestContext,
    user: &User,
    form: &SetupForm,
) -> Result<String, Error> {
    password::check(&form.password, &[&user.user_name, user.email.as_deref().unwrap_or_default()])?;
    let hash = hash(app, &form.password).await?;
    let link = (user.account_id.as_str(), form.token.as_str());
    setup::choose_password(&app.kernel, request, link, &hash).await.map_err(|error| match error {
        directory::Error::NotFound(_) => spent(),
        other => other.into(),
    })
}

pub(super) async fn hash(app: &App, password: &str) -> Result<String, Error> {
    app.signin.hasher.hash(password).await.map_err(|_| super::login::busy().into())
}
