//! How people get in without an administrator typing them: SCIM from their company's directory.

pub mod scim;
mod token;

pub use token::create_token;
