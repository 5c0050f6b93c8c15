//! The way out, and the front page.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};

use super::super::page::{self, Shell};
use super::super::{App, Error};
use crate::access::{Permission, Principal};
use crate::kernel::http::RequestContext;
use crate::signin::{flow, sessions};

/// Administrators start in the console, everybody else at their profile.
pub(super) async fn home(principal: Principal) -> Redirect {
    Redirect::to(if principal.may(Permission::UsersView) { "/console" } else { "/profile" })
}

#[derive(Template)]
#[template(path = "profile/sign_out.html")]
struct SignOutPage {
    shell: Shell,
}

/// A link must not sign anybody out by itself; the button on this page does.
pub(super) async fn ask(State(app): State<App>, principal: Principal) -> Result<Response, Error> {
    page::render(&SignOutPage { shell: Shell::build(&app, &principal, "", None).await? })
}

pub(super) async fn sign_out(
    State(app): State<App>,
    principal: Principal,
    request: RequestContext,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    sessions::sign_out(&mut tx, &principal.context(&request), &principal).await?;
    tx.commit().await?;
    let cookie = [(header::SET_COOKIE, flow::cookies(&app.kernel).clear_session())];
    Ok((cookie, Redirect::to("/login?notice=signed_out")).into_response())
}
