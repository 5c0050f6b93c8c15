//! Passwords: what they must be, how they are kept, when they end.

mod arena;
mod common;
mod expiry;
mod hasher;
mod policy;
mod reset;
mod set;
pub(super) mod store;
mod stored;
mod strength;
mod typed;

pub use expiry::{Standing, ends_at, standing, warn_all};
pub use hasher::{Busy, Hasher, Place};
pub use policy::{Person, Unmet, check, rules, unmet};
pub use reset::{Provider, request_reset};
pub use set::{PrepareError, Way, prepare, set};
pub use store::{changed_at, count_older, put_many};
pub use stored::Stored;
pub use strength::{Strength, strength};
pub use typed::{MAX_CHARACTERS, Password};
