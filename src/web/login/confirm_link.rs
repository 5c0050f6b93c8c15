//! The page on which a user confirms with their password that an identity at a provider is theirs, before it is
//! linked to them.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::password::{FlowQuery, find_flow_at_step};
use crate::idp::connections;
use crate::kernel::http::RequestContext;
use crate::signin::flow::{self, Flow, NextStep};
use crate::signin::password::Password;
use crate::signin::{ExternalSubject, SignInAttempt, SignInError};
use crate::web::{AppState, Error, page};

/// What a flow waits for on this page.
const STEPS: [NextStep; 1] = [NextStep::LinkByPassword];

/// What is about to be linked, on the pages that ask for a confirmation.
pub(crate) struct LinkSummary {
    /// The connection's name on the sign-in page.
    pub(crate) provider: String,
    /// What the provider calls the person.
    pub(crate) name: String,
    /// The subject at the provider, and the provider as it names itself, if it has identifiers for its users.
    pub(crate) subject: Option<ExternalSubject>,
    /// The user that it would be linked to.
    pub(crate) user_name: String,
}

#[derive(Template)]
#[template(path = "signin/confirm_link.html")]
struct ConfirmLinkPage {
    flow: Flow,
    link: LinkSummary,
    error: Option<&'static str>,
}

#[derive(Deserialize)]
pub(super) struct ConfirmLinkForm {
    flow: String,
    password: String,
}

/// What the flow is about to link; `None` if it waits for something else.
pub(crate) async fn summary(app: &AppState, flow: &Flow) -> Result<Option<LinkSummary>, Error> {
    let Some(link) = flow::pending_link(&app.signin, flow).await? else { return Ok(None) };
    let mut c = app.kernel.db.read().await?;
    let connection = connections::find_by_id_any_account(&mut c, &link.connection_id).await?;
    Ok(connection.map(|connection| LinkSummary {
        provider: connection.label(),
        name: link.name,
        subject: link.subject,
        user_name: link.user_name,
    }))
}

fn restart_sign_in() -> Response {
    Redirect::to("/login?notice=expired").into_response()
}

pub(super) async fn show(
    State(app): State<AppState>,
    Query(query): Query<FlowQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some((flow, _)) = find_flow_at_step(&app, &headers, &query.flow, &STEPS).await? else {
        return Ok(restart_sign_in());
    };
    match summary(&app, &flow).await? {
        Some(link) => page::render(&ConfirmLinkPage { flow, link, error: None }),
        None => Ok(restart_sign_in()),
    }
}

pub(super) async fn submit(
    State(app): State<AppState>,
    request: RequestContext,
    headers: HeaderMap,
    Form(form): Form<ConfirmLinkForm>,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let Some((flow, secret)) = find_flow_at_step(&app, &headers, &form.flow, &STEPS).await? else {
        return Ok(restart_sign_in());
    };
    let names = flow::cookies(&app.kernel);
    let browser = names.binding_of(&headers, &secret);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser };
    match attempt.confirm_link_with_password(&Password::new(&form.password)).await {
        Ok(outcome) => Ok(super::sign_in_response(&app, &outcome)),
        Err(SignInError::FlowEnded) => Ok(restart_sign_in()),
        Err(
            refused @ (SignInError::WrongPassword
            | SignInError::Locked
            | SignInError::Throttled(_)
            | SignInError::Overloaded),
        ) => {
            let error = Some(super::password_error_text(refused)?);
            match summary(&app, &flow).await? {
                Some(link) => {
                    let page = ConfirmLinkPage { flow, link, error };
                    page::render_with_status(StatusCode::UNAUTHORIZED, &page)
                }
                None => Ok(restart_sign_in()),
            }
        }
        Err(refused) => Err(super::sign_in_refusal(refused)),
    }
}
