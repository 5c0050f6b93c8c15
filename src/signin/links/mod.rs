//! One-time links: the first run of a server, a first password, a forgotten one, an invitation. Only
//! hashes are stored; whoever has the link has what it opens, once.

mod choose;
mod store;

pub use choose::{ChooseError, Chosen, choose, fits};
pub use store::{ENROL_LIFETIME, INVITE_LIFETIME, Link, LinkPurpose, create, find, made_since, use_up, void};
pub(super) use store::{create_many, delete_expired, ensure_first_run as make_first_run, take};
