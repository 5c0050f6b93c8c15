//! The sign-in flow, one state machine for every sign-in method:
//!
//! ```text
//! begin ──▶ Identified ──▶ Sent ──▶ Proved ──▶ rules ──▶ next step? ──▶ session
//!               └── password ──────────▲              │  ▲
//!                                                     ▼  │
//!              confirmation of a link, second factor, new password, enrolment
//! ```
//!
//! - **Identified**: the browser carries the sealed flow, or the flow has a row bound to the browser.
//! - **Sent**: the browser went to an identity provider with a request id that only the flow's row has.
//! - **Proved**: a verified [`super::Proof`], checked here or delivered by the provider's callback.
//! - **Rules**: what the account requires, in [`super::policy`].
//! - **Next step**: the flow waits, bound to the browser, the user's epoch and the password that was
//!   checked, so that a deactivation or a new password ends it. The rules are applied again when it continues. No
//!   session exists before all steps are done.
//!
//! A SAML response arrives by a cross-site POST, without `SameSite=Lax` cookies. The callback therefore
//! stores the proof and redirects to `/login/continue` with a hand-over code. Continuing requires **both**
//! the cookie of the browser that began the flow and the code given to the browser that delivered the
//! response. An attacker can have only one: the cookie of their own flow, through which they sent a victim,
//! or a victim's browser, through which they sent a response of their own.
//!
//! Only a sign-in that an identity provider begins has no such cookie. It therefore begins no confirmation of a link:
//! the user of the browser may not be the person that the response is about.

mod address;
mod admit;
mod complete;
mod confirm_link;
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
pub use confirm_link::{PendingLink, pending_link};
pub use cookies::{BrowserBinding, SignInCookies, cookies};
pub use enrolment::{EnrolledFactor, EnrolmentStepError};
pub use external::{ProofDelivery, deliver_proof, find_pending_request, record_request, resume};
pub use external_password::{ExternalCandidate, ExternalPasswordAttempt};
pub use model::{Flow, FlowStart, NextStep, PendingRequest, ProviderRequest};
pub use next_step::pending_user;
pub(super) use outcome_record::audit_context_of;
pub use password::NewPasswordError;
pub use reauthentication::SessionRequest;
pub use sealed_flow::begin_without_row;
pub use start::{begin, find, persist};
pub use store::delete_expired;
