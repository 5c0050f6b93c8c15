//! The pages of the second factor: presenting one, enrolling one, and managing one's own.

mod challenge;
mod enrol;
mod enrolment_link;
mod manage;
mod passkey;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Deserialize;

use super::{AppState, Error, page};
use crate::access::{Guard, Routes};
use crate::kernel::UserId;
use crate::kernel::http::Refusal;
use crate::kernel::urls::query_value;
use crate::signin::factors::{self, Factor, FactorError, FactorKind, FactorResponse, KeyChallenge};

pub(super) use passkey::is_offered as passkeys_are_offered;

pub(super) fn routes() -> Routes<AppState> {
    Routes::default()
        .get("/login/second-factor", Guard::Public, challenge::show)
        .post("/login/second-factor", Guard::Public, challenge::submit)
        .get("/login/enrol", Guard::Public, enrol::show_in_flow)
        .post("/login/enrol", Guard::Public, enrol::submit_in_flow)
        .post("/login/passkey/start", Guard::Public, passkey::start)
        .post("/login/passkey", Guard::Public, passkey::submit)
        .get("/two-factor", Guard::Public, enrolment_link::show)
        .post("/two-factor", Guard::Public, enrolment_link::begin_enrolment)
        .get("/profile/two-factor", Guard::SignedIn, manage::show)
        .get("/profile/two-factor/few-codes", Guard::SignedIn, manage::few_codes)
        .get("/profile/two-factor/add", Guard::RestrictedSession, enrol::show_in_session)
        .post("/profile/two-factor/add", Guard::RestrictedSession, enrol::submit_in_session)
        .post("/profile/two-factor/rename", Guard::SignedIn, manage::rename)
        .post("/profile/two-factor/remove", Guard::SignedIn, manage::remove)
        .post("/profile/two-factor/codes", Guard::SignedIn, manage::renew_codes)
        .post("/profile/two-factor/devices/revoke", Guard::SignedIn, manage::revoke_remembered_browser)
}

/// The prompt for a second factor: a code of an app, a recovery code, or the response of a key.
pub(super) struct FactorPrompt {
    /// The form's target.
    pub(super) action: &'static str,
    /// The hidden fields of the form.
    pub(super) hidden: Vec<(&'static str, String)>,
    /// The URL of the same page with a field for the other kind of code.
    pub(super) other: String,
    /// Whether the field is for a recovery code.
    pub(super) recovery: bool,
    /// Whether the user has an authenticator app.
    pub(super) has_app: bool,
    /// The `WebAuthn` challenge, if the user has keys.
    pub(super) challenge: Option<KeyChallenge>,
    /// For how many days this browser can be remembered; 0 when the account does not allow it.
    pub(super) remember_days: u32,
    /// Why the last response was not accepted.
    pub(super) error: Option<&'static str>,
}

/// A hidden form field that the browser submits unchanged.
pub(super) struct HiddenField {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// The page that contains a prompt for a second factor.
pub(super) struct PromptPage {
    /// Where the form is posted.
    pub(super) action: &'static str,
    /// The hidden field that is submitted with the response.
    pub(super) hidden: HiddenField,
    /// Whether the field is for a recovery code.
    pub(super) recovery: bool,
    /// Why the last response was not accepted.
    pub(super) error: Option<&'static str>,
}

impl FactorPrompt {
    /// Builds the prompt for these factors of a user. `context_id` is the id of the flow or session that the
    /// challenge is bound to.
    pub(super) fn build(
        app: &AppState,
        user_id: &UserId,
        context_id: &str,
        owned: &[Factor],
        page: PromptPage,
    ) -> Result<Self, Error> {
        let PromptPage { action, hidden: HiddenField { name, value }, recovery, error } = page;
        let other = if recovery { "" } else { "&recovery=true" };
        Ok(Self {
            action,
            other: format!("{action}?{name}={}{other}", query_value(&value)),
            hidden: vec![(name, value)],
            recovery,
            has_app: owned.iter().any(|factor| factor.kind() == FactorKind::Totp),
            challenge: factors::start_challenge(&app.kernel, user_id, context_id, owned)?,
            remember_days: 0,
            error,
        })
    }
}

/// The submitted prompt.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FactorResponseForm {
    code: String,
    ticket: String,
    answer: String,
    remember: Option<String>,
    recovery: Option<String>,
}

impl FactorResponseForm {
    /// Whether the response came from the field for recovery codes.
    pub(super) fn is_recovery(&self) -> bool {
        self.recovery.is_some()
    }

    pub(super) fn response(&self) -> FactorResponse<'_> {
        if self.answer.is_empty() {
            FactorResponse::Code(&self.code)
        } else {
            FactorResponse::Key { ticket: &self.ticket, answer: &self.answer }
        }
    }
}

/// The text for a response that was not accepted. The user has passed another factor, so it may be
/// specific.
pub(super) fn factor_error_text(wrong: FactorError) -> &'static str {
    match wrong {
        FactorError::WrongCode => {
            "The code is incorrect. Check the time on your phone, and enter the code that is shown now."
        }
        FactorError::CodeReused => "This code has already been used. Wait until your app shows the next one.",
        FactorError::Locked => {
            "There have been too many failed attempts, so codes are not checked for a while. Wait, use a \
             passkey or security key, or ask your administrator."
        }
        FactorError::KeyRejected => {
            "The passkey or security key was not accepted. Use one that you have added to your profile."
        }
        FactorError::ChallengeExpired => "The request timed out. Try again.",
    }
}

/// The page that shows recovery codes, once.
#[derive(Template)]
#[template(path = "signin/codes.html")]
struct CodesPage {
    codes: Vec<String>,
    next: String,
    /// Whether they were created with the first factor.
    first: bool,
}

impl CodesPage {
    /// The codes as the content of a text file, for a `data:` URL.
    fn file(&self) -> String {
        format!("{}%0A", self.codes.join("%0A"))
    }
}

type SetCookieHeaders = AppendHeaders<Vec<(axum::http::HeaderName, String)>>;

fn show_codes(cookies: SetCookieHeaders, page: CodesPage) -> Result<Response, Error> {
    Ok((cookies, page::render(&page)?).into_response())
}

/// 409 for an operation that this session or token does not allow.
fn browser_session_required(detail: &str) -> Error {
    Error::Refused(Refusal::new(StatusCode::CONFLICT, "Browser session required", detail))
}

/// Whether `WebAuthn` works at the public address, which must have a host name.
fn webauthn_available(app: &AppState) -> bool {
    factors::is_available(&app.kernel)
}
