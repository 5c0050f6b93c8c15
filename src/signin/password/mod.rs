//! Passwords: argon2id, hashed as many at once as there are cores.

mod check;
mod hasher;
mod set;
mod store;
mod verify;

pub use check::{MAX_CHARACTERS, MIN_CHARACTERS, check};
pub use hasher::{Busy, Hasher};
pub use set::set;
pub use store::changed_at;
pub use verify::{Verdict, verify};
