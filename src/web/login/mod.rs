//! The sign-in pages.

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
use crate::signin::Throttled;
use crate::signin::flow::{self, CompletedSignIn, NextStep, SignInError, SignInOutcome};

pub(super) use idp_discovery::IdpDiscovery;
pub(super) use resume::sign_in_refusal as explain_proof;

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
        .get("/login/local", Guard::Public, local::show)
        .post("/login/local", Guard::Public, local::submit)
        .get("/login/continue", Guard::Public, resume::resume)
        .get("/logout", Guard::RestrictedSession, logout::show)
        .post("/logout", Guard::RestrictedSession, logout::sign_out)
}

/// The same words for a wrong password, an unknown name, a user without password, a locked and a
/// deactivated one.
const WRONG: &str = "That name and password do not match an active user. Check both and try again. After several \
     wrong passwords sign-in is locked for a while; a new password, by mail, opens it at once.";

pub(super) fn throttled(throttled: Throttled) -> Refusal {
    let detail = format!("Wait {} seconds and try again.", throttled.retry_after);
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", detail)
        .retry_after(throttled.retry_after)
}

fn too_many_guesses(throttled: Throttled) -> Refusal {
    let detail = format!(
        "Several wrong passwords came from your network for this name. Wait {} seconds and try again, or choose a new \
         password by mail.",
        throttled.retry_after
    );
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", detail)
        .retry_after(throttled.retry_after)
}

pub(super) fn overloaded() -> Refusal {
    let detail = "Many people are signing in at this moment. Wait a few seconds and try again.";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail).retry_after(2)
}

fn directory_unreachable() -> Refusal {
    let detail = "Your company's directory cannot be reached at present, so your password could not be checked. Try \
                  again in a moment.";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Your directory does not answer", detail).retry_after(10)
}

/// Recovery codes left at which somebody is told to make new ones.
const FEW_CODES: i64 = 3;

/// Where somebody goes who is in: where they wanted to, or first to a page about something that ends soon.
pub(super) fn landing(entered: &CompletedSignIn) -> String {
    let next = query_value(&entered.return_to);
    if entered.password_expires_at.is_some() {
        format!("/profile/password/ending?return_to={next}")
    } else if entered.codes_left.is_some_and(|left| left <= FEW_CODES) {
        format!("/profile/two-factor/few-codes?return_to={next}")
    } else {
        entered.return_to.clone()
    }
}

/// The cookies of somebody who is in.
pub(super) fn session_cookies(
    app: &AppState,
    entered: &CompletedSignIn,
) -> AppendHeaders<Vec<(HeaderName, String)>> {
    let names = flow::cookies(&app.kernel);
    let device = entered.device_secret.as_deref().map(|secret| names.set_device(secret));
    let all = [Some(names.set_session(&entered.session_secret)), device];
    AppendHeaders(all.into_iter().flatten().map(|cookie| (header::SET_COOKIE, cookie)).collect())
}

/// What a proof led to: in, or to the page for what is missing. `browser`: the secret in the flow's cookie, to
/// which a flow that waits is bound.
pub(super) fn sign_in_response(app: &AppState, browser: &str, proved: &SignInOutcome) -> Response {
    let (demand, flow) = match proved {
        SignInOutcome::Complete(entered) => {
            return (session_cookies(app, entered), Redirect::to(&landing(entered))).into_response();
        }
        SignInOutcome::StepRequired(demand, flow) => (demand, flow),
    };
    let page = match demand {
        NextStep::SecondFactor => "second-factor",
        NextStep::NewPassword => "new-password",
        NextStep::Enrolment => "enrol",
    };
    let cookie = [(header::SET_COOKIE, flow::cookies(&app.kernel).set_flow(browser))];
    (cookie, Redirect::to(&format!("/login/{page}?flow={flow}"))).into_response()
}

/// The words for somebody whose password did not get them in, or the error to show as a page.
pub(super) fn password_error_text(refused: SignInError) -> Result<&'static str, Error> {
    match refused {
        SignInError::Overloaded => Err(overloaded().into()),
        SignInError::Throttled(throttled) => Err(too_many_guesses(throttled).into()),
        SignInError::Directory(error) => Err(error.into()),
        SignInError::DirectoryUnreachable => Err(directory_unreachable().into()),
        SignInError::AccountRestricted(why) => Ok(why.message()),
        SignInError::NoAddress => Ok(
            "Your company's directory has no email address of yours, which is needed here. Ask your administrator.",
        ),
        SignInError::FlowEnded => Ok("This page was open for too long. Type your password again."),
        // The password was right: what follows is no secret from its owner, and they need to know.
        SignInError::SecondFactor(_) | SignInError::PasskeysOff => Ok("Sign in once more."),
        SignInError::DomainNotAllowed => Ok("Addresses of your domain may not sign in to this account."),
        SignInError::AddressNotVerified | SignInError::AddressLinkedToOtherSubject => {
            Ok("Your address belongs to another sign-in. Ask your administrator.")
        }
        SignInError::NotAdministrator | SignInError::LocalLoginOff => {
            Ok("This page is for administrators of the account. Use the ordinary sign-in page.")
        }
        SignInError::WrongPassword
        | SignInError::Locked
        | SignInError::UnknownUser
        | SignInError::Inactive => Ok(WRONG),
    }
}
