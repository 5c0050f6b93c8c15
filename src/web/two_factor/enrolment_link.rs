//! The mailed link to enrol a second factor. It grants nothing by itself: the user signs in as usual and is
//! then redirected to enrolment.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::directory::accounts::{self, Account};
use crate::directory::users::{self, User};
use crate::idp::connections;
use crate::kernel::http::{Refusal, RequestContext};
use crate::signin::flow;
use crate::signin::one_time_links::{self, LinkPurpose};
use crate::web::{AppState, Error, email_links, guard, login, page};

const SET_UP: &str = "/profile/two-factor/add";

#[derive(Template)]
#[template(path = "signin/enrol_link.html")]
struct EnrolmentLinkPage {
    account: Account,
    user: User,
    token: String,
}

#[derive(Deserialize)]
pub(crate) struct EnrolmentLinkForm {
    #[serde(default)]
    token: String,
}

async fn build(app: &AppState, token: &str) -> Result<EnrolmentLinkPage, Error> {
    let link = email_links::find_link(app, token, LinkPurpose::Enrol).await?;
    let gone = || email_links::invalid_link(LinkPurpose::Enrol);
    let (Some(account_id), Some(user_id)) = (link.account_id, link.user_id) else { return Err(gone()) };
    let mut c = app.kernel.db.read().await?;
    let account = accounts::by_id(&mut c, &account_id).await?.ok_or_else(gone)?;
    let user = users::by_id(&mut c, &account_id, &user_id).await?.filter(User::is_active).ok_or_else(gone)?;
    Ok(EnrolmentLinkPage { account, user, token: token.to_owned() })
}

pub(crate) async fn show(
    State(app): State<AppState>,
    Query(query): Query<EnrolmentLinkForm>,
) -> Result<Response, Error> {
    page::render(&build(&app, &query.token).await?)
}

/// Marks the link as used and redirects its user to sign-in, or to enrolment if they are signed in.
pub(super) async fn begin_enrolment(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<EnrolmentLinkForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(login::throttled)?;
    let EnrolmentLinkPage { account, user, .. } = build(&app, &form.token).await?;
    let signed_in = guard::authenticate(&app, &headers).await?;
    if signed_in.as_ref().is_some_and(|principal| principal.id != user.id) {
        let detail = format!(
            "This link is for {}, but you are signed in as another user. Sign out, and then open the link \
             again.",
            user.user_name
        );
        return Err(Error::Refused(Refusal::new(StatusCode::CONFLICT, "Signed in as another user", detail)));
    }
    one_time_links::mark_used(&app.kernel, &form.token).await?;
    if signed_in.is_some() {
        return Ok(Redirect::to(SET_UP).into_response());
    }
    let names = flow::cookies(&app.kernel);
    let browser = names.browser_secret(&headers);
    let begin = flow::FlowStart {
        account_id: Some(&account.id),
        identifier: &user.user_name,
        return_to: SET_UP,
        browser: &browser,
    };
    let ticket = flow::begin_without_row(&app.kernel, begin)?.id;
    let mut c = app.kernel.db.read().await?;
    let next = match connections::route_for_user(&mut c, &user, app.kernel.clock.now()).await? {
        Some(connection) => format!("{}?flow={ticket}", connection.login_path()),
        None => format!("/login/password?flow={ticket}"),
    };
    Ok(([(header::SET_COOKIE, names.set_flow(&browser))], Redirect::to(&next)).into_response())
}
