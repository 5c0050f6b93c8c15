//! The first-run page, which creates the first account and its administrator.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::set_password;
use crate::directory;
use crate::directory::accounts::PasswordSettings;
use crate::kernel::http::RequestContext;
use crate::signin::flow;
use crate::signin::one_time_links::LinkPurpose;
use crate::signin::password::{self, Password, PersonalTerms, PolicyRule};
use crate::signin::setup::{self, FirstRun};
use crate::web::{AppState, Error, page};

#[derive(Template)]
#[template(path = "signin/setup.html")]
struct SetupPage {
    form: SetupForm,
    error: Option<String>,
    rules: Vec<PolicyRule>,
    check: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SetupForm {
    token: String,
    account_name: String,
    slug: String,
    email: String,
    given_name: String,
    family_name: String,
    password: String,
}

fn build(form: SetupForm, error: Option<String>) -> SetupPage {
    let rules = password::rules(&PasswordSettings::default());
    let check = format!("token={}", form.token);
    SetupPage { form: SetupForm { password: String::new(), ..form }, error, rules, check }
}

pub(super) fn show(token: String) -> Result<Response, Error> {
    page::render(&build(SetupForm { token, ..SetupForm::default() }, None))
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<SetupForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(crate::web::login::throttled)?;
    let link = super::find_link(&app, &form.token, LinkPurpose::Setup).await?;
    if link.user_id.is_some() {
        return set_password::submit_setup(&app, &request, &headers, form.token, form.password).await;
    }
    match first_run(&app, &request, &form).await {
        Ok(session) => {
            let cookie = [(header::SET_COOKIE, flow::cookies(&app.kernel).set_session(&session))];
            Ok((cookie, Redirect::to("/console?notice=welcome")).into_response())
        }
        Err(error) => {
            let page = build(form, Some(error.for_form()?));
            page::render_with_status(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

async fn first_run(app: &AppState, request: &RequestContext, form: &SetupForm) -> Result<String, Error> {
    // The address is checked before the password is hashed, because hashing is expensive. `setup::complete`
    // checks every field.
    directory::Email::parse(&form.email)?;
    let person = PersonalTerms::new(&[&form.email, &form.given_name, &form.family_name]);
    let typed = Password::new(&form.password);
    let settings = PasswordSettings::default();
    let hash = password::prepare(&app.signin, &settings, &typed, &person, None).await?;
    let typed = FirstRun {
        account_name: form.account_name.clone(),
        slug: form.slug.trim().to_owned(),
        email: form.email.trim().to_owned(),
        given_name: form.given_name.clone(),
        family_name: form.family_name.clone(),
    };
    let made = setup::complete(&app.signin, request, &form.token, typed, &hash).await?;
    made.ok_or_else(|| super::invalid_link(LinkPurpose::Setup))
}
