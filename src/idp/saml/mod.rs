//! SAML 2.0 Web Browser SSO and single logout as a service provider.
//!
//! samael writes our requests and metadata. Nothing that comes from outside goes near it: responses, logouts
//! and metadata are judged in [`judge`], on one parse, with the connection's certificates only.

mod certificates;
pub mod groups;
pub mod http;
pub mod judge;
pub mod keys;
mod load;
mod logout;
mod provision;
pub mod refresh;
mod request;
mod sign;
mod store;
pub mod trial;

pub use certificates::{BadCertificate, Certificate, pem};
pub use judge::{Metadata, MetadataError, read_metadata};
pub use load::{LoadError, Loaded, Prepared, Source, create, load, note_loaded, prepare};
pub use logout::{Leaving, leave};
pub use request::{Addresses, Outgoing, authn_request, sp_metadata};
pub use store::{Watch, delete_expired, watch_of};
