//! SAML 2.0 Web Browser SSO and single logout for a service provider, without HTTP or a database: bytes in,
//! result out. The caller passes the current time, the trusted certificates and its own keys to each call.
//!
//! [`validate`] reads all input from outside. samael, which writes our own messages in [`write`], reads none
//! of it.

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
    Decryption, EmailSource, EncodedMessage, ExpectedLogout, ExpectedResponse, IdpMetadata, LogoutRequest,
    LogoutResponse, MAX_METADATA_BYTES, MFA_CONTEXTS, MetadataError, RequestedAuthentication,
    ValidatedAssertion, looks_encrypted, read_metadata, validate_logout_request, validate_logout_response,
    validate_response,
};
pub use write::{AuthnRequest, BrowserRequest, MessageHeader, OutboundMessage, SpMetadata, WriteError};
