//! Provisioning: users created by a directory over SCIM, by an invitation or by an import.

pub mod import;
pub mod invitations;
mod notifications;
pub mod scim;
mod token;
mod welcome;

pub use token::{ReplacedToken, create_token, replace_token};
pub use welcome::send_welcome_emails;
