//! The sign-in flow, one state machine for every way in:
//!
//! ```text
//! begin ──▶ Identified ──▶ Sent ──▶ Proved ──▶ rules ──▶ next step? ──▶ session
//!               └── password ──────────▲              │  ▲
//!                                                     ▼  │
//!                                second factor, new password, enrolment
//! ```
//!
//! * **Identified**: an address or user name was typed (or nothing yet). The flow is sealed and carried by the
//!   browser, or it has a row that is bound to the browser.
//! * **Sent**: the browser was sent to an identity provider with a request id that only this row knows.
//! * **Proved**: a verified [`super::Proof`] is there: at once for a password, otherwise delivered by
//!   the provider's callback together with a hand-over code.
//! * **Rules**: what the account demands, in [`super::policy`].
//! * **Next step**: a second factor to show, a password to replace, a second factor to set up, in this order. The
//!   flow waits in its row, bound to the browser, to the user's epoch and to the password that was shown, so
//!   that a deactivation or a new password ends it. There is no session before all steps are done.
//!
//! # Who may go on
//! A SAML response arrives by a cross-site POST, which brings no `SameSite=Lax` cookie. So the
//! callback stores the proof and sends the browser to `/login/continue` with a code. To go on there,
//! **both** are needed: the cookie of the browser in which the flow began, and the code that was given
//! to the browser that delivered the response. Either alone is what an attacker could have: their own
//! flow's cookie (having sent somebody else through it), or a victim's browser (having sent a response
//! of their own through it).

mod admit;
mod complete;
mod cookies;
mod enrolment;
mod external;
mod external_password;
mod model;
mod next_step;
mod outcome_record;
mod passkey;
mod password;
mod password_attempt;
mod provider_claims;
mod reauthentication;
mod sealed_flow;
mod second_factor;
mod start;
mod store;

pub(super) use admit::activate_invited_user;
pub use cookies::{BrowserBinding, SignInCookies, cookies};
pub use enrolment::{EnrolledFactor, EnrolmentStepError};
pub use external::{ProofDelivery, deliver_proof, has_pending_request, record_request, resume};
pub use external_password::{ExternalCandidate, ExternalPasswordAttempt};
pub use model::{Flow, FlowStart, NextStep};
pub use next_step::pending_user;
pub(super) use outcome_record::audit_context_of;
pub use password::NewPasswordError;
pub use reauthentication::SessionRequest;
pub use sealed_flow::begin_without_row;
pub use start::{begin, find, persist};
pub use store::delete_expired;
