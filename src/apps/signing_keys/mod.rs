//! The keys with which an account signs statements about its users. One key is active, the next one is
//! published already, and retired ones stay published until nothing that they signed is valid any more.

mod issuer;
mod model;
mod rotate;
mod sign;
mod store;

pub use issuer::Issuer;
pub use model::{SigningKey, SigningKeyState};
pub use rotate::{rotate, rotate_due};
pub use sign::{SigningKeys, public_keys};
pub use store::list;
