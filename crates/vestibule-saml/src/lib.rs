//! SAML 2.0 Web Browser SSO and single logout, the part of a service provider that needs neither HTTP nor a database:
//! bytes in, result out. What time it is, which certificates are trusted and which keys are ours is given with each call.
//!
//! [`validate`] reads what comes from outside. samael, which writes our own messages in [`write`], reads nothing of it.

pub mod certificate;
pub mod check;
pub mod model;
mod time;
pub mod validate;
pub mod write;

pub use certificate::{BadCertificate, Certificate, to_pem};
pub use check::{SamlCheck, SamlRejection, SamlReport, check_that};
pub use model::{Binding, Comparison, LogoutService, NameId, NameIdFormat};
pub use validate::{
    Decryption, EncodedMessage, ExpectedLogout, ExpectedResponse, IdpMetadata, LogoutRequest, LogoutResponse,
    MAX_METADATA_BYTES, MetadataError, ValidatedAssertion, looks_encrypted, read_metadata,
    validate_logout_request, validate_logout_response, validate_response,
};
pub use write::{AuthnRequest, BrowserRequest, MessageHeader, OutboundMessage, SpMetadata, WriteError};
