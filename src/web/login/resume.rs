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
            "Sign-in cannot be completed",
            "The sign-in was started in another browser, has already been completed or has expired. Start \
             again from your application or the sign-in page.",
        ));
    };
    let secret = names.browser_secret(&headers);
    let browser = names.binding_of(&headers, &secret);
    let attempt = SignInAttempt { signin: &app.signin, request: &request, flow: &flow, browser };
    match attempt.complete(proof).await {
        Ok(outcome) => Ok(super::sign_in_response(&app, &outcome)),
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
            "You do not have access",
            "Your identity provider authenticated you, but this account has no user for you. Ask your \
             administrator to give you access.",
        ),
        SignInError::Inactive => refusal(
            StatusCode::FORBIDDEN,
            "Your access is not active",
            "You cannot sign in to this account. Ask your administrator if you think that this is a mistake.",
        ),
        SignInError::DomainNotAllowed => refusal(
            StatusCode::FORBIDDEN,
            "Email domain not allowed",
            "Users with your email domain cannot sign in to this account. Ask your administrator.",
        ),
        SignInError::MethodNotAllowed => refusal(
            StatusCode::FORBIDDEN,
            "Sign-in method not allowed",
            "Your organization requires another sign-in method for you. Go to the sign-in page, enter your \
             email address and sign in with single sign-on.",
        ),
        SignInError::AddressNotVerified => refusal(
            StatusCode::FORBIDDEN,
            "Email address not verified",
            "The provider does not report your email address as verified, so it cannot be matched to a user. \
             Verify the address at the provider, or sign in with another method and link this identity in \
             your profile.",
        ),
        SignInError::AddressLinkedToOtherSubject => refusal(
            StatusCode::FORBIDDEN,
            "Email address linked to another identity",
            "The user with your email address signs in with a different identity at this provider. If both \
             identities are yours, sign in as before and check the linked identities in your profile. \
             Otherwise, ask your administrator.",
        ),
        SignInError::NotInConnectionDomains(domain) => refusal(
            StatusCode::FORBIDDEN,
            "Email domain not set up for this sign-in",
            &format!(
                "Your identity provider authenticated you, but it is not set up to sign in users of {domain}. Ask \
                 your administrator to verify the domain and to select this connection for it."
            ),
        ),
        SignInError::LinkNeedsApproval => refusal(
            StatusCode::FORBIDDEN,
            "Approval required",
            "You signed in at your identity provider for the first time, and your user has a role here. Ask an \
             administrator to approve the linked identity on your user's page, and then sign in again.",
        ),
        SignInError::LinkNotRequested => refusal(
            StatusCode::FORBIDDEN,
            "Start from the sign-in page",
            "You signed in at your identity provider for the first time. Go to the sign-in page, enter your email \
             address and sign in with single sign-on. You can then confirm that your user here is you.",
        ),
        SignInError::ConnectionDisabled => refusal(
            StatusCode::FORBIDDEN,
            "Sign-in method disabled",
            "The sign-in method that you used was disabled. Go to the sign-in page and use another one, or ask your \
             administrator.",
        ),
        SignInError::FlowEnded => refusal(
            StatusCode::CONFLICT,
            "Sign-in already completed",
            "Another request completed this sign-in. Go back to your application.",
        ),
        SignInError::Directory(error) => error.into(),
        SignInError::Database(error) => error.into(),
        SignInError::Vault(error) => error.into(),
        SignInError::PasskeysOff => refusal(
            StatusCode::FORBIDDEN,
            "Passwordless sign-in not allowed",
            "Your account requires that you first sign in with your password or through your identity \
             provider. You can then use the passkey for two-factor authentication.",
        ),
        _ => refusal(StatusCode::FORBIDDEN, "Sign-in failed", "Start again from the sign-in page."),
    }
}
