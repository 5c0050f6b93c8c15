//! SCIM 2.0 (RFC 7643, RFC 7644) without transport or storage: bytes and JSON in, values out.
//!
//! It accepts what the provisioning clients of Okta, Entra ID and OneLogin send, without a setting for the
//! vendor: what one of them sends is accepted from all. A server built on it adds the routes, the database
//! and the rules about who may change what.
//!
//! The modules build on each other in this order, and none uses a later one: [`error`], [`json`], [`limits`],
//! [`attributes`] → [`attribute_path`] → [`filter`] → [`patch_path`] → [`patch`]; [`resource`], [`sorting`] →
//! [`query`]; [`operation`] → [`bulk`]; [`custom_attributes`] → [`schemas`], [`user`]. [`group`] uses
//! [`patch`].

pub mod attribute_path;
pub mod attributes;
pub mod bulk;
pub mod custom_attributes;
pub mod error;
pub mod filter;
pub mod group;
pub mod json;
pub mod limits;
pub mod operation;
pub mod patch;
pub mod patch_path;
pub mod query;
pub mod resource;
pub mod schemas;
pub mod sorting;
pub mod user;

pub use error::{Error, ScimType};
