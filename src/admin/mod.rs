//! What administrators do, once for the console, the REST API and whatever else asks: find things in the principal's
//! account, keep the rules that keep an account governable, carry the change out in one unit of work. Nothing here knows
//! of HTTP; `web` renders an [`Error`] as a page or as a problem.

pub mod connections;
mod error;
pub mod groups;
pub mod identities;
pub mod invitations;
mod list_page;
mod lookups;
pub mod provisioning;
mod request;
pub mod service_accounts;
pub mod settings;
pub mod tokens;
pub mod two_factor;
pub mod users;

pub use error::{Error, LockOutRisk, ResetLinkRefusal};
pub use list_page::ListPage;
pub use request::AdminRequest;
