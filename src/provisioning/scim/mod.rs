//! SCIM 2.0 (RFC 7643, RFC 7644) for the provisioning clients of Okta, Entra ID and OneLogin, without
//! a switch per vendor: whatever one of them sends is understood from all.
//!
//! The pure core: [`filter`] (grammar and evaluation), [`path`], [`patch`] (resource + operations →
//! resource), [`user`] and [`group`] (between SCIM's JSON and the directory). Around it: `http`.

mod bulk;
mod custom_attributes;
mod deletion_guard;
mod error;
mod filter;
pub mod fuzz_api;
mod group;
pub mod http;
mod json;
mod operation;
mod patch;
mod path;
pub mod pending_changes;
mod query;
mod rate_limits;
pub mod request_log;
mod resource_json;
mod schemas;
mod sorting;
mod trace;
mod user;

pub use error::{Error, ScimType};
pub use http::ScimMiddleware;
pub use trace::AttributeChange;
