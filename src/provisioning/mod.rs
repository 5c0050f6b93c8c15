//! How people get in without typing themselves in: SCIM from their company's directory, an invitation by
//! mail, an import from the system before this one.

pub mod import;
pub mod invitations;
mod notifications;
pub mod scim;
mod token;
mod welcome;

pub use token::{create_token, replace_token};
pub use welcome::send_welcome_emails;
