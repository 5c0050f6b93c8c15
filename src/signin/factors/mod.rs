//! Second factors: authenticator apps, passkeys and security keys, recovery codes, and the browsers in which
//! they are not asked for each time.
//!
//! Who has one is a row in `enrolments`. It is made by the first factor and ended with the last, in the same
//! unit of work; the sign-in flow, sessions and the report ask nothing else.

mod check;
mod devices;
mod enforcement;
mod enrol;
mod mailing;
mod manage;
mod model;
mod passkey;
mod recovery;
mod report;
mod reset;
mod store;
mod totp;
mod webauthn;

pub(super) use check::{Accepted, Claim, Verdict, accept, prepare};
pub use check::{KeyChallenge, Shown, Wrong, start_challenge};
pub use devices::{Device, list as devices, revoke as revoke_device};
pub(super) use devices::{delete_old as delete_old_devices, is_remembered, remember};
pub(super) use enforcement::owed_by;
pub use enforcement::{affected_count, is_enforced_for};
pub use enrol::{
    Authority, Confirmation, ConfirmedBy, EnrolError, NewAuthenticator, show_authenticator,
    start_authenticator, start_key,
};
pub(super) use enrol::{add, confirm};
pub use mailing::{Tone, mail_more, start_mailing};
pub use manage::{remove, rename, renew_codes};
pub use model::{ACR_TWO_FACTORS, Factor, Kind, SecondFactor};
pub use passkey::{PasskeyProof, prove_passkey, start_passkey};
pub use report::{Filter, Row, Summary, report, summary};
pub use reset::reset;
pub use store::{by_id, codes_left, enrolled_at, is_enrolled, of_user};
pub use webauthn::is_available;
