//! Operations of administrators, shared by the console and the REST API. An operation finds the resources
//! in the principal's account, enforces the rules that keep the account administrable, and carries out the
//! change in one transaction. Nothing here depends on HTTP; `web` renders an [`Error`] as a page or as
//! problem details.

pub mod apps;
pub mod connections;
pub mod domains;
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
