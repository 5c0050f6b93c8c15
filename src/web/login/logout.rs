//! Sign-out, and the redirect from the front page.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::access::{Permission, Principal};
use crate::idp;
use crate::kernel::http::RequestContext;
use crate::signin::{flow, sessions};
use crate::web::page::{self, Shell};
use crate::web::{AppState, Error};

/// Administrators start in the console, all other users at their profile.
pub(super) async fn home(principal: Principal) -> Redirect {
    Redirect::to(if principal.has_permission(Permission::UsersView) { "/console" } else { "/profile" })
}

#[derive(Template)]
#[template(path = "profile/sign_out.html")]
struct SignOutPage {
    shell: Shell,
    /// The identity provider at which the user can be signed out as well.
    provider: Option<String>,
}

/// Shows a button, because a link from another site must not sign a user out.
pub(super) async fn show(State(app): State<AppState>, principal: Principal) -> Result<Response, Error> {
    let mut c = app.kernel.db.read().await?;
    let leaving = idp::find_provider_logout(&mut c, &principal).await?;
    drop(c);
    let shell = Shell::build(&app, &principal, "", None).await?;
    page::render(&SignOutPage { shell, provider: leaving.map(|leaving| leaving.label()) })
}

#[derive(Deserialize)]
pub(super) struct SignOutForm {
    /// Whether to sign out at the identity provider as well.
    everywhere: Option<String>,
}

pub(super) async fn sign_out(
    State(app): State<AppState>,
    principal: Principal,
    request: RequestContext,
    Form(form): Form<SignOutForm>,
) -> Result<Response, Error> {
    let mut tx = app.kernel.db.begin().await?;
    let leaving = match form.everywhere {
        Some(_) => idp::find_provider_logout(&mut tx, &principal).await?,
        None => None,
    };
    // The local session ends first, whatever the identity provider answers.
    sessions::sign_out(&mut tx, &principal.context(&request), &principal).await?;
    tx.commit().await?;
    let cookie = [(header::SET_COOKIE, flow::cookies(&app.kernel).clear_session())];
    let Some(leaving) = leaving else {
        return Ok((cookie, Redirect::to("/login?notice=signed_out")).into_response());
    };
    let sent = app.idp.start_logout(&leaving).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a sign-out at the identity provider could not be started");
        None
    });
    Ok(match sent {
        Some(sent) => (cookie, sent).into_response(),
        None => (cookie, Redirect::to("/login?notice=signed_out_here")).into_response(),
    })
}
