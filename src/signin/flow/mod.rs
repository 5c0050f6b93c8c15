//! The sign-in flow, one state machine for every way in:
//!
//! ```text
//! begin ──▶ Identified ──▶ Sent ──▶ Proved ──▶ rules ──▶ owed? ──▶ session
//!               └── password ──────────▲              │  ▲
//!                                                     ▼  │
//!                                second factor, new password, enrolment
//! ```
//!
//! * **Identified**: somebody said who they are (or nothing yet); their browser carries a sealed ticket, or
//!   a row exists, bound to their browser.
//! * **Sent**: they were sent to an identity provider with a request id that only this row knows.
//! * **Proved**: a verified [`super::Proof`] is there: at once for a password, otherwise delivered by
//!   the provider's callback together with a hand-over code.
//! * **Rules**: the account's conditions.
//! * **Owed**: a second factor to show, a password to replace, a second factor to set up, in this order. The
//!   flow waits in its row, bound to the browser, to the user's epoch and to the password that was shown, so
//!   that a deactivation or a new password ends it. There is no session before all is paid.
//!
//! # Who may carry on
//! A SAML response arrives by a cross-site POST, which brings no `SameSite=Lax` cookie. So the
//! callback stores the proof and sends the browser to `/login/continue` with a code. To go on there,
//! **both** are needed: the cookie of the browser in which the flow began, and the code that was given
//! to the browser that delivered the response. Either alone is what an attacker could have: their own
//! flow's cookie (having sent somebody else through it), or a victim's browser (having sent a response
//! of their own through it).

mod complete;
mod cookies;
mod error;
mod model;
mod password;
mod provider_claims;
mod sealed_flow;
mod second_factor;
mod start;
mod store;

pub use complete::{CompletedSignIn, SignInOutcome, complete};
pub(super) use complete::{activate_invited_user, audit_context_of, sign_in_without_flow};
pub use cookies::{BrowserBinding, SignInCookies, cookies};
pub use error::{DirectoryAccountState, SignInError};
pub use model::{Flow, NextStep};
pub use password::{
    ExternalPasswordAttempt, NewPasswordError, confirm_password, renew_after_external_check,
    replace_expired_password, sign_in_with_password,
};
pub use sealed_flow::begin_without_row;
pub use second_factor::{
    EnrolledFactor, confirm_second_factor, enrol_in_flow, enrol_in_session, pending_user,
    sign_in_with_passkey, verify_second_factor,
};
pub use start::{
    FlowStart, ProofDelivery, begin, deliver_proof, find, has_pending_request, persist, record_request,
    resume,
};
pub use store::delete_expired;
