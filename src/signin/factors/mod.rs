//! Second factors: authenticator apps, passkeys and security keys, recovery codes, and remembered browsers.
//!
//! A user has a second factor if and only if they have a row in `enrolments`. The first factor inserts it
//! and the last one deletes it, in the same transaction. The sign-in flow, sessions and the report rely on
//! this row alone.

mod check;
mod enrol;
mod mailing;
mod manage;
mod model;
mod passkey;
mod recovery;
mod remembered_browsers;
mod report;
mod reset;
mod store;
mod totp;
mod webauthn;

pub use check::{FactorCheckError, FactorError, FactorResponse, KeyChallenge, start_challenge};
pub(super) use check::{FactorOutcome, PreparedResponse, VerifiedFactor, prepare_response, verify_response};
pub use enrol::{
    Confirmation, EnrolError, EnrolmentProof, EnrolmentRight, NewAuthenticator, show_authenticator,
    start_authenticator, start_key_registration,
};
pub(super) use enrol::{add, confirm_enrolment};
pub use mailing::{EnrolmentMailKind, queue_next_batches, start_mailing};
pub use manage::{remove, rename, renew_codes};
pub use model::{ACR_TWO_FACTORS, Factor, FactorKind, SecondFactor};
pub use passkey::{PasskeyProof, start_passkey, verify_passkey};
pub use remembered_browsers::{
    RememberedBrowser, list as remembered_browsers, revoke as revoke_remembered_browser,
};
pub(super) use remembered_browsers::{
    carry_over as carry_over_remembered_browsers, delete_old as delete_old_remembered_browsers,
    is_browser_remembered, remember_browser,
};
pub use report::{EnrolmentFilter, Row, Summary, report, summary};
pub use reset::reset;
pub use store::{by_id, codes_left, enrolled_at, is_enrolled, of_user};
pub use webauthn::is_available;
