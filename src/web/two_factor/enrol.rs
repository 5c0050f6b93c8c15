//! Setting a second factor up: before there is a session, because the account asks for one; or in a session.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::{App, Error, login, page, profile};
use super::{CodesPage, keys_work, not_now, show_codes, waiting};
use crate::access::{Owes, Principal};
use crate::directory::accounts::{self, Account};
use crate::directory::users::User;
use crate::kernel::http::RequestContext;
use crate::kernel::urls::{local_path, query_value};
use crate::signin::factors::{
    self, Authority, Confirmation, ConfirmedBy, EnrolError, KeyChallenge, NewAuthenticator,
};
use crate::signin::flow::{self, Demand, Flow, Proved, Refused};

/// What can be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    /// An authenticator app.
    #[default]
    App,
    /// A passkey.
    Passkey,
    /// A security key.
    Key,
}

impl What {
    const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Passkey => "passkey",
            Self::Key => "key",
        }
    }
}

#[derive(Template)]
#[template(path = "signin/enrol.html")]
struct EnrolPage {
    /// Why the person is here, when it was not their own wish.
    asked_by: Option<String>,
    action: &'static str,
    /// `action` with what else it needs in its address.
    place: String,
    hidden: Vec<(&'static str, String)>,
    what: &'static str,
    app: Option<NewAuthenticator>,
    key: Option<KeyChallenge>,
    keys_work: bool,
    name: String,
    /// Where to go instead.
    cancel: Option<String>,
    error: Option<String>,
}

/// The form, wherever it stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EnrolForm {
    flow: String,
    return_to: String,
    what: What,
    ticket: String,
    name: String,
    code: String,
    answer: String,
}

impl EnrolForm {
    fn confirmation(&self) -> Confirmation<'_> {
        let proof = match self.what {
            What::App => ConfirmedBy::Code(&self.code),
            What::Passkey | What::Key => ConfirmedBy::Key(&self.answer),
        };
        Confirmation { name: &self.name, ticket: &self.ticket, proof }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EnrolQuery {
    flow: String,
    return_to: String,
    what: What,
}

/// The parts of the page that depend on what is set up. A seed that was shown stays the same after a wrong
/// code: it may be in the app by now.
async fn parts(
    app: &App,
    (account, user): (&Account, &User),
    form: &EnrolForm,
) -> Result<(Option<NewAuthenticator>, Option<KeyChallenge>), Error> {
    Ok(match form.what {
        What::App if form.ticket.is_empty() => {
            (Some(factors::start_authenticator(&app.kernel, account, user)?), None)
        }
        What::App => {
            (Some(factors::show_authenticator(&app.kernel, account, user, &form.ticket).await?), None)
        }
        What::Passkey => (None, factors::start_key(&app.kernel, user, true).await?),
        What::Key => (None, factors::start_key(&app.kernel, user, false).await?),
    })
}

fn words(error: EnrolError) -> Result<String, Error> {
    Ok(match error {
        EnrolError::Code => {
            "That code is not right. Check that the app shows this account, and take the code shown now."
                .into()
        }
        EnrolError::Key => "That key was not accepted. It may be added already; try another.".into(),
        EnrolError::Ended => "That took too long, so here is a fresh start.".into(),
        EnrolError::Already => "You have a second factor already. Sign in with it first.".into(),
        EnrolError::Directory(error) => Error::from(error).for_form()?,
    })
}

fn again() -> Response {
    Redirect::to("/login?notice=expired").into_response()
}

/// Where the page stands: before there is a session, or in one.
struct Place {
    action: &'static str,
    /// What comes back with the form.
    hidden: (&'static str, String),
    /// Whether the account asks for it.
    is_asked: bool,
    cancel: Option<String>,
}

async fn render(
    app: &App,
    user: &User,
    place: Place,
    mut form: EnrolForm,
    error: Option<EnrolError>,
) -> Result<Response, Error> {
    let mut c = app.kernel.db.read().await?;
    let account = accounts::by_id(&mut c, &user.account_id).await?;
    let account = account.ok_or_else(|| Error::not_found("account"))?;
    drop(c);
    if matches!(error, Some(EnrolError::Ended)) {
        form.ticket.clear();
    }
    let (authenticator, key) = parts(app, (&account, user), &form).await?;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let Place { action, hidden: (name, value), is_asked, cancel } = place;
    let page = EnrolPage {
        asked_by: is_asked.then_some(account.name),
        action,
        place: format!("{action}?{name}={}", query_value(&value)),
        hidden: vec![(name, value)],
        what: form.what.as_str(),
        app: authenticator,
        key,
        keys_work: keys_work(app),
        name: form.name,
        cancel,
        error: error.map(words).transpose()?,
    };
    page::render_again(status, &page)
}

async fn render_in_flow(
    app: &App,
    flow: &Flow,
    form: EnrolForm,
    error: Option<EnrolError>,
) -> Result<Response, Error> {
    let Some(user) = flow::waiting_user(&app.signin, flow).await? else { return Ok(again()) };
    let hidden = ("flow", flow.id.clone());
    let place = Place { action: "/login/enrol", hidden, is_asked: true, cancel: None };
    render(app, &user, place, form, error).await
}

pub(super) async fn show_in_flow(
    State(app): State<App>,
    Query(query): Query<EnrolQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some((flow, _)) = waiting(&app, &headers, &query.flow, Demand::Enrolment).await? else {
        return Ok(again());
    };
    render_in_flow(&app, &flow, EnrolForm { what: query.what, ..EnrolForm::default() }, None).await
}

pub(super) async fn submit_in_flow(
    State(app): State<App>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<EnrolForm>,
) -> Result<Response, Error> {
    app.signin.throttle.address(request.address).map_err(login::throttled)?;
    let Some((flow, secret)) = waiting(&app, &headers, &form.flow, Demand::Enrolment).await? else {
        return Ok(again());
    };
    let place = (&flow, flow::cookies(&app.kernel).place(&headers, &secret));
    match flow::enrol(&app.signin, &request, place, form.confirmation()).await {
        Ok(Ok(enrolled)) => match (enrolled.outcome, enrolled.codes) {
            (Proved::Entered(entered), Some(codes)) => {
                let page = CodesPage { codes, next: login::landing(&entered), first: true };
                show_codes(login::cookies(&app, &entered), page)
            }
            (proved, _) => Ok(login::proved(&app, &secret, &proved)),
        },
        Ok(Err(error)) => render_in_flow(&app, &flow, form, Some(error)).await,
        Err(Refused::FlowEnded) => Ok(again()),
        Err(refused) => Err(login::explain_proof(refused)),
    }
}

/// By what right somebody who is signed in adds a factor, or where they have to go first.
async fn authority(
    app: &App,
    principal: &Principal,
    back: &str,
) -> Result<Result<Authority, Response>, sqlx::Error> {
    // Who has not shown the factor they have must not add another.
    if principal.owes() == Owes::SecondFactor {
        return Ok(Err(profile::to_confirm(back)));
    }
    if let Some(elsewhere) = profile::confirm_first(app, principal, back) {
        return Ok(Err(elsewhere));
    }
    // A session that owes nothing has shown what there is. Where there is nothing, it must still be so when the
    // factor is added.
    let is_enrolled = factors::is_enrolled(&mut *app.kernel.db.read().await?, &principal.id).await?;
    Ok(Ok(if is_enrolled { Authority::Full } else { Authority::First }))
}

fn own_address(return_to: &str, what: What) -> String {
    format!("/profile/two-factor/add?what={}&return_to={}", what.as_str(), query_value(return_to))
}

async fn render_in_session(
    app: &App,
    principal: &Principal,
    form: EnrolForm,
    error: Option<EnrolError>,
) -> Result<Response, Error> {
    let user = profile::person(app, principal).await?;
    let place = Place {
        action: "/profile/two-factor/add",
        hidden: ("return_to", form.return_to.clone()),
        is_asked: principal.owes() != Owes::Nothing,
        cancel: (principal.owes() != Owes::Enrolment).then(|| form.return_to.clone()),
    };
    render(app, &user, place, form, error).await
}

pub(super) async fn show_in_session(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<EnrolQuery>,
) -> Result<Response, Error> {
    let return_to = local_path(Some(&query.return_to), "/profile/two-factor").to_owned();
    if let Err(elsewhere) = authority(&app, &principal, &own_address(&return_to, query.what)).await? {
        return Ok(elsewhere);
    }
    let form = EnrolForm { return_to, what: query.what, ..EnrolForm::default() };
    render_in_session(&app, &principal, form, None).await
}

pub(super) async fn submit_in_session(
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<EnrolForm>,
) -> Result<Response, Error> {
    app.signin.throttle.address(request.address).map_err(login::throttled)?;
    profile::person(&app, &principal).await?;
    let return_to = local_path(Some(&form.return_to), "/profile/two-factor").to_owned();
    let form = EnrolForm { return_to: return_to.clone(), ..form };
    let authority = match authority(&app, &principal, &own_address(&return_to, form.what)).await? {
        Ok(authority) => authority,
        Err(elsewhere) => return Ok(elsewhere),
    };
    if principal.session_id().is_none() {
        return Err(not_now("A second factor is set up in a browser, by the person themselves."));
    }
    let wanted = (authority, form.confirmation());
    match flow::enrol_in_session(&app.signin, &request, &principal, wanted).await {
        Ok(Ok(enrolled)) => {
            let cookie = flow::cookies(&app.kernel).set_session(&enrolled.outcome);
            let cookies = AppendHeaders(vec![(header::SET_COOKIE, cookie)]);
            match enrolled.codes {
                Some(codes) => show_codes(cookies, CodesPage { codes, next: return_to, first: true }),
                None => {
                    Ok((cookies, Redirect::to("/profile/two-factor?notice=factor_added")).into_response())
                }
            }
        }
        Ok(Err(error)) => render_in_session(&app, &principal, form, Some(error)).await,
        Err(Refused::FlowEnded) => Ok(Redirect::to("/login").into_response()),
        Err(refused) => Err(login::explain_proof(refused)),
    }
}
