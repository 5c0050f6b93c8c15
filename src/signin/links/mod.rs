//! One-time links: the first run of a server, a first password, a forgotten one, an invitation. Only
//! hashes are stored; whoever has the link has what it opens, once.

mod choose;
mod store;

pub use choose::{ChooseError, Chosen, choose, fits};
pub use store::{INVITE_LIFETIME, Link, LinkPurpose, create, find, made_since, void};
pub(super) use store::{delete_expired, ensure_first_run as make_first_run, take};
