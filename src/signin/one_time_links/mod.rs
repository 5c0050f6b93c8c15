//! One-time links: the first run of a server, a first password, a forgotten one, an invitation. Only
//! hashes are stored; whoever has the link has what it opens, once.

mod set_password;
mod store;

pub use set_password::{InviteeNames, PasswordChoice, SetPasswordError, may_use, set_password};
pub use store::{
    ENROL_LIFETIME, INVITE_LIFETIME, LinkPurpose, OneTimeLink, create, find, made_since, mark_used, revoke,
};
pub(super) use store::{consume, create_first_run_link, create_many, delete_expired};
