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

mod advance;
mod cookies;
mod finish;
mod model;
mod prove;
mod provided;
mod refused;
mod second;
mod store;
mod ticket;

pub use advance::{Begin, Delivery, begin, deliver, find, resume, send_out, settle, waits_for};
pub use cookies::{Browser, Cookies, cookies};
pub use finish::{Entered, Proved, finish};
pub(super) use finish::{accept, enter, own_context};
pub use model::{Demand, Flow};
pub use prove::{
    Guess, NewPasswordError, confirm_elsewhere, confirm_password, prove_password, replace_ended_password,
};
pub use refused::{AtProvider, Refused};
pub use second::{
    Enrolled, confirm_factor, enrol, enrol_in_session, enter_with_passkey, show_second_factor, waiting_user,
};
pub use store::delete_expired;
pub use ticket::issue;
