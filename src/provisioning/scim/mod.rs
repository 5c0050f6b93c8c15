//! SCIM 2.0 (RFC 7643, RFC 7644) for the provisioning clients of Okta, Entra ID and OneLogin.
//!
//! The crate `vestibule_scim` parses requests and knows neither HTTP nor the directory. This module
//! contains the conversion between SCIM resources and the directory ([`user`], [`group`]), the execution of
//! changes ([`write`](self::write)), the endpoints ([`http`]), and the limits on provisioning clients: rate
//! limits, accidental deletion prevention, and changes that wait for an administrator.

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
