//! Passwords: policy, hashing, storage, reset and expiry.

mod arena;
mod common_passwords;
mod expiry;
mod hasher;
mod pace;
mod plaintext;
mod policy;
mod reset;
mod set;
pub(super) mod store;
mod stored_hash;
mod strength;

pub use expiry::{PasswordStatus, expires_at, mail_expiry_warnings, status};
pub use hasher::{HashPermit, Hasher, Overloaded};
pub use plaintext::{MAX_CHARACTERS, Password};
pub use policy::{PersonalTerms, PolicyRule, check, rules, unmet_rules};
pub use reset::{ProviderName, request_reset};
pub use set::{PasswordChangeReason, PrepareError, prepare, set};
pub(super) use store::delete_old_reset_requests;
pub use store::{changed_at, count_older, insert_imported};
pub use stored_hash::StoredHash;
pub use strength::{Strength, strength};
