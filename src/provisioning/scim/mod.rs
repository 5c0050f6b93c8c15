//! SCIM 2.0 (RFC 7643, RFC 7644) for the provisioning clients of Okta, Entra ID and OneLogin.
//!
//! What a request says is understood by the crate `vestibule_scim`, which knows neither HTTP nor the directory. Here are
//! [`user`] and [`group`] (between SCIM's JSON and the directory), [`write`](self::write) (what becomes of a change), the
//! endpoints in [`http`], and the rules about what a provisioning client may do: rate limits, the deletion guard, and
//! changes that wait for an administrator.

pub mod approval;
mod deletion_guard;
mod error;
mod group;
pub mod http;
mod model;
pub mod pending_changes;
mod rate_limits;
pub mod request_log;
mod trace;
mod user;
mod write;

pub use error::Error;
pub use http::ScimMiddleware;
pub use trace::AttributeChange;
