//! The sign-in pages, from the identifier to a session. `signin::flow` decides what comes next; these pages
//! show it.

pub(super) mod confirm_link;
mod forgot;
pub(super) mod identify;
mod idp_discovery;
mod local;
mod logout;
mod new_password;
pub(super) mod password;
mod resume;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use super::{AppState, Error};
use crate::access::{Guard, Routes};
use crate::kernel::http::Refusal;
use crate::kernel::urls::query_value;
use crate::signin::flow::{self, NextStep};
use crate::signin::{CompletedSignIn, RequiredStep, SignInError, SignInOutcome, Throttled};

pub(super) use idp_discovery::IdpDiscovery;
pub(super) use resume::sign_in_refusal;

pub(super) fn routes() -> Routes<AppState> {
    Routes::default()
        .get("/", Guard::SignedIn, logout::home)
        .get("/login", Guard::Public, identify::show)
        .post("/login", Guard::Public, identify::submit)
        .get("/login/password", Guard::Public, password::show)
        .post("/login/password", Guard::Public, password::submit)
        .get("/login/forgot", Guard::Public, forgot::show)
        .post("/login/forgot", Guard::Public, forgot::submit)
        .get("/login/new-password", Guard::Public, new_password::show)
        .post("/login/new-password", Guard::Public, new_password::submit)
        .get("/login/confirm-link", Guard::Public, confirm_link::show)
        .post("/login/confirm-link", Guard::Public, confirm_link::submit)
        .get("/login/local", Guard::Public, local::show)
        .post("/login/local", Guard::Public, local::submit)
        .get("/login/continue", Guard::Public, resume::resume)
        .get("/logout", Guard::RestrictedSession, logout::show)
        .post("/logout", Guard::RestrictedSession, logout::sign_out)
}

/// The same text for a wrong password, an unknown name, a user without a password, a locked user and a
/// deactivated one, so that it does not reveal which users exist.
const WRONG: &str = "The username and password do not match an active user. Check both and try again. After \
                     too many failed attempts, sign-in is locked for a while. Resetting your password by \
                     email unlocks it immediately.";

pub(super) fn throttled(throttled: Throttled) -> Refusal {
    let detail = format!("Wait {} seconds and try again.", throttled.retry_after);
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", detail)
        .retry_after(throttled.retry_after)
}

fn too_many_guesses(throttled: Throttled) -> Refusal {
    let detail = format!(
        "Several incorrect passwords for this username were sent from your network. Wait {} seconds and try \
         again, or reset your password by email.",
        throttled.retry_after
    );
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", detail)
        .retry_after(throttled.retry_after)
}

pub(super) fn overloaded() -> Refusal {
    let detail = "Many users are signing in right now. Wait a few seconds and try again.";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Server busy", detail).retry_after(2)
}

fn directory_unreachable() -> Refusal {
    let detail = "Your organization's directory cannot be reached, so your password could not be checked. \
                  Try again in a moment.";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Your directory is unavailable", detail).retry_after(10)
}

/// With this many recovery codes left or fewer, the user is asked to create new ones.
const FEW_CODES: i64 = 3;

/// Where a browser goes after a sign-in: to the requested page, or first to a notice that the password
/// expires soon or that few recovery codes are left.
pub(super) fn landing(completed: &CompletedSignIn) -> String {
    let next = query_value(&completed.return_to);
    if completed.password_expires_at.is_some() {
        format!("/profile/password/ending?return_to={next}")
    } else if completed.codes_left.is_some_and(|left| left <= FEW_CODES) {
        format!("/profile/two-factor/few-codes?return_to={next}")
    } else {
        completed.return_to.clone()
    }
}

/// The cookies of a completed sign-in.
pub(super) fn session_cookies(
    app: &AppState,
    completed: &CompletedSignIn,
) -> AppendHeaders<Vec<(HeaderName, String)>> {
    let names = flow::cookies(&app.kernel);
    let device = completed.device_secret.as_deref().map(|secret| names.set_device(secret));
    let all = [Some(names.set_session(&completed.session_secret)), device];
    AppendHeaders(all.into_iter().flatten().map(|cookie| (header::SET_COOKIE, cookie)).collect())
}

/// The response to a step of a sign-in: a redirect with the session's cookies, or a redirect to the page of
/// the next step with the cookie that the flow is bound to from now on.
pub(super) fn sign_in_response(app: &AppState, outcome: &SignInOutcome) -> Response {
    let RequiredStep { step, flow_id, cookie } = match outcome {
        SignInOutcome::Complete(completed) => {
            return (session_cookies(app, completed), Redirect::to(&landing(completed))).into_response();
        }
        SignInOutcome::StepRequired(required) => required,
    };
    let page = match step {
        NextStep::LinkByPassword => "confirm-link",
        NextStep::SecondFactor | NextStep::LinkBySecondFactor => "second-factor",
        NextStep::NewPassword => "new-password",
        NextStep::Enrolment => "enrol",
    };
    let cookie = [(header::SET_COOKIE, flow::cookies(&app.kernel).set_step(cookie))];
    (cookie, Redirect::to(&format!("/login/{page}?flow={flow_id}"))).into_response()
}

/// The text for a password that was not accepted, or an error to show on a page of its own.
pub(super) fn password_error_text(refused: SignInError) -> Result<&'static str, Error> {
    match refused {
        SignInError::Overloaded => Err(overloaded().into()),
        SignInError::Throttled(throttled) => Err(too_many_guesses(throttled).into()),
        SignInError::Directory(error) => Err(error.into()),
        SignInError::Database(error) => Err(error.into()),
        SignInError::Vault(error) => Err(error.into()),
        SignInError::DirectoryUnreachable => Err(directory_unreachable().into()),
        SignInError::AccountRestricted(why) => Ok(why.message()),
        SignInError::NoAddress => Ok(
            "Your organization's directory does not contain your email address, which is required to sign \
             in. Ask your administrator.",
        ),
        SignInError::FlowEnded => Ok("This page was open for too long. Enter your password again."),
        // The password was correct in these cases, so the user may know the reason.
        SignInError::SecondFactor(_) | SignInError::PasskeysOff => Ok("Sign in again."),
        SignInError::MethodNotAllowed => {
            Ok("Your organization does not allow you to sign in with a password here. Sign in with single \
             sign-on through your identity provider.")
        }
        SignInError::DomainNotAllowed => {
            Ok("Users with your email domain cannot sign in to this account. Ask your administrator.")
        }
        SignInError::AddressNotVerified | SignInError::AddressLinkedToOtherSubject => {
            Ok("Your email address is linked to another identity. Ask your administrator.")
        }
        SignInError::NotInConnectionDomains(_) => Ok(
            "Your organization's directory is not set up for your email domain. Ask your administrator to \
             verify the domain and to select the directory for it.",
        ),
        SignInError::LinkNeedsApproval => Ok(
            "You signed in to your organization's directory, but your user here must be linked to it first. Ask \
             an administrator to approve the link on your user's page.",
        ),
        SignInError::LinkNotRequested => Ok("Start again from the sign-in page."),
        SignInError::ConnectionDisabled => {
            Ok("Sign-in with your organization's directory was disabled. Ask your administrator.")
        }
        SignInError::NotAdministrator | SignInError::LocalLoginOff => {
            Ok("This page is for administrators of the account. Use the standard sign-in page.")
        }
        SignInError::WrongPassword
        | SignInError::Locked
        | SignInError::UnknownUser
        | SignInError::Inactive => Ok(WRONG),
    }
}
