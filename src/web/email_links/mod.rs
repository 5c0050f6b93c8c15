//! The pages behind one-time links: first run, first password, new password, invitation.

mod first_run;
mod set_password;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{AppState, Error};
use crate::access::{Guard, Routes};
use crate::directory::users::User;
use crate::kernel::http::Refusal;
use crate::kernel::{Kernel, Tx};
use crate::signin::one_time_links::{self, LinkPurpose, OneTimeLink};
use crate::signin::setup;

pub(super) fn routes() -> Routes<AppState> {
    Routes::default()
        .get("/setup", Guard::Public, show_setup)
        .post("/setup", Guard::Public, first_run::submit)
        .get("/login/reset", Guard::Public, set_password::show_reset)
        .post("/login/reset", Guard::Public, set_password::submit_reset)
        .get("/invite", Guard::Public, set_password::show_invite)
        .post("/invite", Guard::Public, set_password::submit_invite)
        .post("/invite/provider", Guard::Public, set_password::go_to_provider)
}

/// Creates the first-run link and returns its URL, or `None` when the server has an account.
pub async fn ensure_setup_link(kernel: &Kernel) -> Result<Option<String>, sqlx::Error> {
    let secret = setup::ensure_first_run_link(kernel).await?;
    Ok(secret.map(|secret| kernel.urls.absolute(&format!("/setup?token={secret}"))))
}

/// Creates a one-time link and returns the URL at which `user` sets their first password.
pub async fn create_first_password_link(
    kernel: &Kernel,
    tx: &mut Tx,
    user: &User,
) -> Result<String, sqlx::Error> {
    let secret = one_time_links::create(tx, user, LinkPurpose::Setup).await?;
    Ok(kernel.urls.absolute(&format!("/setup?token={secret}")))
}

#[derive(Deserialize)]
struct TokenQuery {
    #[serde(default)]
    token: String,
}

/// 410 for a link that is unknown, used or expired.
pub(super) fn invalid_link(purpose: LinkPurpose) -> Error {
    let detail = match purpose {
        LinkPurpose::Setup => {
            "Setup links work once and expire after one day. If this server has no account yet, restart it \
             to print a new link. Otherwise, sign in."
        }
        LinkPurpose::Enrol => {
            "Links to set up two-factor authentication work once and expire after seven days. Sign in: if \
             your account requires two-factor authentication, you are asked to set it up."
        }
        LinkPurpose::Reset => {
            "Password reset links work once and expire after one hour. Request a new link on the sign-in \
             page."
        }
        LinkPurpose::Invite => {
            "Invitation links work once and expire after seven days, and a newer link replaces an older one. \
             If you have already accepted the invitation, sign in. Otherwise, ask your administrator to send \
             it again."
        }
    };
    Error::Refused(Refusal::new(StatusCode::GONE, "This link is no longer valid", detail))
}

/// The link with this secret, or a refusal if there is none for this purpose.
pub(super) async fn find_link(
    app: &AppState,
    token: &str,
    purpose: LinkPurpose,
) -> Result<OneTimeLink, Error> {
    let mut c = app.kernel.db.read().await?;
    let link = one_time_links::find(&mut c, token, app.kernel.clock.now()).await?;
    link.filter(|link| link.purpose() == purpose).ok_or_else(|| invalid_link(purpose))
}

async fn show_setup(State(app): State<AppState>, Query(query): Query<TokenQuery>) -> Result<Response, Error> {
    let link = find_link(&app, &query.token, LinkPurpose::Setup).await?;
    match link.user_id {
        None => first_run::show(query.token),
        Some(_) => set_password::show(&app, &query.token, LinkPurpose::Setup).await,
    }
}
