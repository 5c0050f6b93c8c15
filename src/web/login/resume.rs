//! The page that a protocol callback redirects to. A callback can be a cross-site POST, which the browser
//! sends without our `SameSite=Lax` cookies; this is a top-level GET, with which it sends them.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::kernel::http::{Refusal, RequestContext, cookie};
use crate::signin::{SignInAttempt, SignInError, flow};
use crate::web::{AppState, Error};

#[derive(Deserialize)]
pub(super) struct ContinueQuery {
    #[serde(default)]
    handover: String,
}

pub(super) async fn resume(
    State(app): State<AppState>,
    Query(query): Query<ContinueQuery>,
    request: RequestContext,
    headers: HeaderMap,
) -> Result<Response, Error> {
    app.signin.throttle.check_step(request.address).map_err(super::throttled)?;
    let names = flow::cookies(&app.kernel);
    let found = flow::resume(&app.kernel, &query.handover, cookie(&headers, names.flow)).await?;
    let Some((flow, proof)) = found.and_then(|flow| flow.proof().map(|proof| (flow, proof))) else {
        return Err(refusal(
            StatusCode::FORBIDDEN,
            "This sign-in cannot be finished here",
            "It was begun in another browser, was finished already, or took too long. Start again from your \
             application or the sign-in page.",
        ));
    };
    let secret = names.browser_secret(&headers);
    let browser = names.binding_of(&headers, &secret);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser };
    match attempt.complete(proof).await {
        Ok(outcome) => Ok(super::sign_in_response(&app, &secret, &outcome)),
        Err(reason) => Err(sign_in_refusal(reason)),
    }
}

fn refusal(status: StatusCode, title: &'static str, detail: &str) -> Error {
    Error::Refused(Refusal::new(status, title, detail))
}

/// The user has been authenticated, by an identity provider or a mailed link, so the text may say why the
/// sign-in was refused.
pub(crate) fn sign_in_refusal(reason: SignInError) -> Error {
    match reason {
        SignInError::UnknownUser => refusal(
            StatusCode::FORBIDDEN,
            "No user here yet",
            "Your identity provider knows you, but nobody has given you access here. Ask your administrator to assign \
             the application to you.",
        ),
        SignInError::Inactive => refusal(
            StatusCode::FORBIDDEN,
            "Your access has ended",
            "Your user here is deactivated. Ask your administrator if that is a mistake.",
        ),
        SignInError::DomainNotAllowed => refusal(
            StatusCode::FORBIDDEN,
            "Address not allowed",
            "Addresses of your domain may not sign in to this account. Ask your administrator.",
        ),
        SignInError::AddressNotVerified => refusal(
            StatusCode::FORBIDDEN,
            "Your address is not verified there",
            "The provider does not vouch for your email address, so it cannot tell who you are here. Verify the address \
             there, or sign in another way and link this sign-in in your profile.",
        ),
        SignInError::AddressLinkedToOtherSubject => refusal(
            StatusCode::FORBIDDEN,
            "This address belongs to another sign-in",
            "The user with your address here signs in as somebody else at this provider. If both are you, sign in as \
             before and look at the linked sign-ins in your profile; otherwise ask your administrator.",
        ),
        SignInError::FlowEnded => refusal(
            StatusCode::CONFLICT,
            "Already finished",
            "This sign-in was finished by another request. Go back to your application.",
        ),
        SignInError::Directory(error) => error.into(),
        SignInError::Database(error) => error.into(),
        SignInError::Vault(error) => error.into(),
        SignInError::PasskeysOff => refusal(
            StatusCode::FORBIDDEN,
            "Passkeys alone are not accepted",
            "Your account asks for your password or your company's sign-in first. The passkey is good as the second \
             factor.",
        ),
        _ => refusal(StatusCode::FORBIDDEN, "Sign-in was not accepted", "Start again from the sign-in page."),
    }
}
