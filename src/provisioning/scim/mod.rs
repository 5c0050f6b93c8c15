//! SCIM 2.0 (RFC 7643, RFC 7644) for the provisioning clients of Okta, Entra ID and OneLogin, without
//! a switch per vendor: whatever one of them sends is understood from all.
//!
//! The pure core: [`filter`] (grammar and evaluation), [`path`], [`patch`] (resource + operations →
//! resource), [`user`] and [`group`] (between SCIM's JSON and the directory). Around it: `http`.

mod bulk;
mod error;
mod extra;
mod filter;
mod group;
pub mod held;
pub mod http;
mod json;
mod limits;
pub mod log;
mod operation;
mod order;
mod outgoing;
mod patch;
mod path;
pub mod pure;
mod query;
mod removals;
mod schemas;
mod trace;
mod user;

pub use error::{Error, ScimType};
pub use http::Gate;
pub use trace::Changed;
