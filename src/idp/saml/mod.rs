//! SAML 2.0 Web Browser SSO and single logout as a service provider.
//!
//! The crate `vestibule_saml` validates incoming messages and writes outgoing ones. This module has the
//! routes, the keys and the stored state. A message is parsed once, and only the connection's own
//! certificates are trusted.

mod attributes;
mod check;
pub mod connection_test;
pub mod groups;
pub mod http;
pub mod keys;
mod logout;
pub mod metadata_refresh;
mod metadata_source;
mod request;
mod requested;
mod store;

pub use check::SamlCheck;
pub use logout::{SamlLogout, start_logout};
pub use metadata_source::{
    LoadedMetadata, MetadataLoadError, MetadataSource, NewSamlConnection, create_connection, load_metadata,
    prepare_connection, record_metadata_loaded,
};
pub use request::{FrontChannelMessage, SpEndpoints, authn_request, sp_metadata};
pub use store::{MetadataStatus, delete_expired, metadata_status_of};
pub use vestibule_saml::{BadCertificate, Certificate, IdpMetadata, MetadataError, to_pem};

use crate::kernel::Timestamp;

/// Reads metadata in UTF-8. `pinned` is the certificate that must have signed it, base64 of DER.
pub fn read_metadata(text: &str, pinned: Option<&str>, now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    vestibule_saml::read_metadata(text, pinned, now.into())
}
