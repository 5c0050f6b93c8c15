//! Enrolment of a second factor: in the sign-in flow, where the account requires one, or in a session.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{CodesPage, browser_session_required, show_codes, webauthn_available};
use crate::access::{Principal, SessionRestriction};
use crate::directory::accounts::{self, Account};
use crate::directory::users::User;
use crate::kernel::http::RequestContext;
use crate::kernel::text_enum::text_enum;
use crate::kernel::urls::{local_path, query_value};
use crate::signin::factors::{
    self, Confirmation, EnrolError, EnrolmentProof, EnrolmentRight, KeyChallenge, NewAuthenticator,
};
use crate::signin::flow::{self, EnrolmentStepError, Flow, NextStep, SessionRequest};
use crate::signin::{SignInAttempt, SignInError, SignInOutcome};
use crate::web::login::password::find_flow_at_step;
use crate::web::{AppState, Error, login, page, profile};

text_enum! {
    /// The kinds of second factor that a user can enrol.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
    #[serde(rename_all = "lowercase")]
    pub(super) enum FactorChoice {
        /// An authenticator app.
        #[default]
        App = "app",
        /// A passkey.
        Passkey = "passkey",
        /// A security key.
        Key = "key",
    }
}

#[derive(Template)]
#[template(path = "signin/enrol.html")]
struct EnrolPage {
    /// The account that requires the enrolment; `None` if the user chose it.
    asked_by: Option<String>,
    action: &'static str,
    /// `action` with its query parameters.
    page_url: String,
    hidden: Vec<(&'static str, String)>,
    what: &'static str,
    app: Option<NewAuthenticator>,
    key: Option<KeyChallenge>,
    keys_work: bool,
    name: String,
    /// Where the cancel button leads; `None` when enrolment is required.
    cancel: Option<String>,
    error: Option<String>,
}

/// The enrolment form, in a flow or in a session.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EnrolForm {
    flow: String,
    return_to: String,
    what: FactorChoice,
    ticket: String,
    name: String,
    code: String,
    answer: String,
}

impl EnrolForm {
    fn confirmation(&self) -> Confirmation<'_> {
        let proof = match self.what {
            FactorChoice::App => EnrolmentProof::Code(&self.code),
            FactorChoice::Passkey | FactorChoice::Key => EnrolmentProof::Key(&self.answer),
        };
        Confirmation { name: &self.name, ticket: &self.ticket, proof }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EnrolQuery {
    flow: String,
    return_to: String,
    what: FactorChoice,
}

/// The parts of the page for the chosen kind. After a wrong code the same TOTP secret is shown again,
/// because the user may have stored it in the app already.
async fn enrolment_challenge(
    app: &AppState,
    account: &Account,
    user: &User,
    form: &EnrolForm,
) -> Result<(Option<NewAuthenticator>, Option<KeyChallenge>), Error> {
    Ok(match form.what {
        FactorChoice::App if form.ticket.is_empty() => {
            (Some(factors::start_authenticator(&app.kernel, account, user)?), None)
        }
        FactorChoice::App => {
            (Some(factors::show_authenticator(&app.kernel, account, user, &form.ticket).await?), None)
        }
        FactorChoice::Passkey => (None, factors::start_key_registration(&app.kernel, user, true).await?),
        FactorChoice::Key => (None, factors::start_key_registration(&app.kernel, user, false).await?),
    })
}

fn enrol_error_text(error: EnrolError) -> Result<String, Error> {
    Ok(match error {
        EnrolError::WrongCode => {
            "The code is incorrect. Check that you selected this account in the app, and enter the code that \
             it shows now."
                .into()
        }
        EnrolError::KeyRejected => {
            "The passkey or security key was not accepted. It may already be added. Try another one.".into()
        }
        EnrolError::ChallengeExpired => "The setup timed out. Start again.".into(),
        EnrolError::AlreadyEnrolled => "You already have a two-factor method. Sign in with it first.".into(),
        EnrolError::TooManyFactors => {
            "You have reached the limit of 20 two-factor methods. Remove one that you do not use.".into()
        }
        EnrolError::Directory(error) => Error::from(error).for_form()?,
        EnrolError::Database(error) => Error::from(error).for_form()?,
        EnrolError::Vault(error) => return Err(error.into()),
    })
}

fn restart_sign_in() -> Response {
    Redirect::to("/login?notice=expired").into_response()
}

/// The context of the page: a sign-in flow or a session.
struct EnrolContext {
    action: &'static str,
    /// The hidden field of the form: the flow or the return address.
    hidden: (&'static str, String),
    /// Whether the account requires the enrolment.
    is_asked: bool,
    cancel: Option<String>,
}

async fn render(
    app: &AppState,
    user: &User,
    place: EnrolContext,
    mut form: EnrolForm,
    error: Option<EnrolError>,
) -> Result<Response, Error> {
    let mut c = app.kernel.db.read().await?;
    let account = accounts::by_id(&mut c, &user.account_id).await?;
    let account = account.ok_or_else(|| Error::not_found("account"))?;
    drop(c);
    if matches!(error, Some(EnrolError::ChallengeExpired)) {
        form.ticket.clear();
    }
    let (authenticator, key) = enrolment_challenge(app, &account, user, &form).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let EnrolContext { action, hidden: (name, value), is_asked, cancel } = place;
    let page = EnrolPage {
        asked_by: is_asked.then_some(account.name),
        action,
        page_url: format!("{action}?{name}={}", query_value(&value)),
        hidden: vec![(name, value)],
        what: form.what.as_str(),
        app: authenticator,
        key,
        keys_work: webauthn_available(app),
        name: form.name,
        cancel,
        error: error.map(enrol_error_text).transpose()?,
    };
    page::render_with_status(status, &page)
}

async fn render_in_flow(
    app: &AppState,
    flow: &Flow,
    form: EnrolForm,
    error: Option<EnrolError>,
) -> Result<Response, Error> {
    let Some(user) = flow::pending_user(&app.signin, flow).await? else { return Ok(restart_sign_in()) };
    let hidden = ("flow", flow.id.clone());
    let place = EnrolContext { action: "/login/enrol", hidden, is_asked: true, cancel: None };
    render(app, &user, place, form, error).await
}

pub(super) async fn show_in_flow(
    State(app): State<AppState>,
    Query(query): Query<EnrolQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some((flow, _)) = find_flow_at_step(&app, &headers, &query.flow, &[NextStep::Enrolment]).await?
    else {
        return Ok(restart_sign_in());
    };
    render_in_flow(&app, &flow, EnrolForm { what: query.what, ..EnrolForm::default() }, None).await
}

pub(super) async fn submit_in_flow(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<EnrolForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let Some((flow, secret)) = find_flow_at_step(&app, &headers, &form.flow, &[NextStep::Enrolment]).await?
    else {
        return Ok(restart_sign_in());
    };
    let browser = flow::cookies(&app.kernel).binding_of(&headers, &secret);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser };
    match attempt.enrol_first_factor(form.confirmation()).await {
        Ok(enrolled) => match (enrolled.outcome, enrolled.codes) {
            (SignInOutcome::Complete(completed), Some(codes)) => {
                let page = CodesPage { codes, next: login::landing(&completed), first: true };
                show_codes(login::session_cookies(&app, &completed), page)
            }
            (outcome, _) => Ok(login::sign_in_response(&app, &outcome)),
        },
        Err(EnrolmentStepError::Enrol(error)) => render_in_flow(&app, &flow, form, Some(error)).await,
        Err(EnrolmentStepError::SignIn(SignInError::FlowEnded)) => Ok(restart_sign_in()),
        Err(EnrolmentStepError::SignIn(refused)) => Err(login::sign_in_refusal(refused)),
    }
}

/// What a session may do on the page that adds a factor.
enum EnrolmentAccess {
    /// Add a factor by this right.
    Allowed(EnrolmentRight),
    /// Reauthenticate first, on another page.
    Redirect(Response),
}

/// The right by which a session adds a factor, or the redirect to reauthentication.
async fn enrolment_right(
    app: &AppState,
    principal: &Principal,
    back: &str,
) -> Result<EnrolmentAccess, sqlx::Error> {
    // A user who has not presented their existing factor must not add another.
    if principal.restriction() == SessionRestriction::SecondFactorRequired {
        return Ok(EnrolmentAccess::Redirect(profile::redirect_to_confirm(back)));
    }
    if let Some(elsewhere) = profile::redirect_unless_recent(app, principal, back) {
        return Ok(EnrolmentAccess::Redirect(elsewhere));
    }
    // An unrestricted session has presented the second factor if there is one. If there is none, that must
    // still be so when the new factor is added.
    let is_enrolled = factors::is_enrolled(&mut *app.kernel.db.read().await?, &principal.user_id()).await?;
    let right = if is_enrolled { EnrolmentRight::Verified } else { EnrolmentRight::FirstFactor };
    Ok(EnrolmentAccess::Allowed(right))
}

fn own_url(return_to: &str, what: FactorChoice) -> String {
    format!("/profile/two-factor/add?what={}&return_to={}", what.as_str(), query_value(return_to))
}

async fn render_in_session(
    app: &AppState,
    principal: &Principal,
    form: EnrolForm,
    error: Option<EnrolError>,
) -> Result<Response, Error> {
    let user = profile::signed_in_user(app, principal).await?;
    let place = EnrolContext {
        action: "/profile/two-factor/add",
        hidden: ("return_to", form.return_to.clone()),
        is_asked: principal.restriction() != SessionRestriction::None,
        cancel: (principal.restriction() != SessionRestriction::EnrolmentRequired)
            .then(|| form.return_to.clone()),
    };
    render(app, &user, place, form, error).await
}

pub(super) async fn show_in_session(
    State(app): State<AppState>,
    principal: Principal,
    Query(query): Query<EnrolQuery>,
) -> Result<Response, Error> {
    let return_to = local_path(Some(&query.return_to), "/profile/two-factor").to_owned();
    let own_url = own_url(&return_to, query.what);
    if let EnrolmentAccess::Redirect(elsewhere) = enrolment_right(&app, &principal, &own_url).await? {
        return Ok(elsewhere);
    }
    let form = EnrolForm { return_to, what: query.what, ..EnrolForm::default() };
    render_in_session(&app, &principal, form, None).await
}

pub(super) async fn submit_in_session(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<EnrolForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    profile::signed_in_user(&app, &principal).await?;
    let return_to = local_path(Some(&form.return_to), "/profile/two-factor").to_owned();
    let form = EnrolForm { return_to: return_to.clone(), ..form };
    let right = match enrolment_right(&app, &principal, &own_url(&return_to, form.what)).await? {
        EnrolmentAccess::Allowed(right) => right,
        EnrolmentAccess::Redirect(elsewhere) => return Ok(elsewhere),
    };
    if principal.session_id().is_none() {
        return Err(browser_session_required(
            "Two-factor methods can be set up only in a browser, by the user.",
        ));
    }
    let session = SessionRequest { signin: &app.signin, request: &request, principal: &principal };
    match session.enrol_factor(right, form.confirmation()).await {
        Ok(enrolled) => {
            let cookie = flow::cookies(&app.kernel).set_session(&enrolled.outcome);
            let cookies = AppendHeaders(vec![(header::SET_COOKIE, cookie)]);
            match enrolled.codes {
                Some(codes) => show_codes(cookies, CodesPage { codes, next: return_to, first: true }),
                None => {
                    Ok((cookies, Redirect::to("/profile/two-factor?notice=factor_added")).into_response())
                }
            }
        }
        Err(EnrolmentStepError::Enrol(error)) => render_in_session(&app, &principal, form, Some(error)).await,
        Err(EnrolmentStepError::SignIn(SignInError::FlowEnded)) => Ok(Redirect::to("/login").into_response()),
        Err(EnrolmentStepError::SignIn(refused)) => Err(login::sign_in_refusal(refused)),
    }
}
