//! SAML 2.0 Web Browser SSO as a service provider.
//!
//! samael reads the metadata an administrator brings and writes what we send. Nothing that comes
//! through a browser goes near it: responses are judged in [`response`], on one parse, with the
//! connection's certificates only.

pub mod http;
mod keys;
mod load;
mod metadata;
mod request;
pub mod response;
mod store;
pub mod trial;

pub use keys::{ServiceProviderKey, generate_key};
pub use load::{LoadError, Source, load, prepare};
pub use metadata::{Metadata, MetadataError, read as read_metadata};
pub use request::{Addresses, authn_request_url, sp_metadata};
pub use store::delete_expired_replays;
