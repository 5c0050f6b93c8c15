//! One-time links: first run, first password, password reset, invitation and enrolment. Only hashes are
//! stored, and a link works once for the bearer of its secret.

mod set_password;
mod store;

pub use set_password::{InviteeNames, PasswordChoice, SetPasswordError, may_use, set_password};
pub use store::{
    ENROL_LIFETIME, INVITE_LIFETIME, LinkPurpose, OneTimeLink, carry_over, create, find, mark_used, revoke,
};
pub(super) use store::{consume, create_enrolment_links, create_first_run_link, delete_expired};
