//! SAML 2.0 Web Browser SSO and single logout as a service provider.
//!
//! samael writes our requests and metadata. Nothing that comes from outside goes near it: responses, logouts
//! and metadata are judged in [`judge`], on one parse, with the connection's certificates only.

mod attributes;
mod certificates;
pub mod connection_test;
pub mod groups;
pub mod http;
pub mod judge;
pub mod keys;
mod logout;
pub mod metadata_refresh;
mod metadata_source;
mod request;
mod sign;
mod store;

pub use certificates::{BadCertificate, Certificate, to_pem};
pub use judge::{IdpMetadata, MetadataError, read_metadata};
pub use logout::{SamlLogout, start_logout};
pub use metadata_source::{
    LoadedMetadata, MetadataLoadError, MetadataSource, NewSamlConnection, create_connection, load_metadata,
    prepare_connection, record_metadata_loaded,
};
pub use request::{FrontChannelMessage, SpEndpoints, authn_request, sp_metadata};
pub use store::{MetadataStatus, delete_expired, metadata_status_of};
