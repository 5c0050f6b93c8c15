//! Validation of all input from outside: responses, logout messages and metadata. It has no clock of its own.
//!
//! The order of the steps matters. The text is parsed **once**, and its structure is checked before any
//! signature. A signature counts only if the node it covers *is* the Assertion that is read, or the Response
//! around it. Only then is anything read, from the same tree. Decrypted content is a document of its own, and
//! a decrypted Assertion goes through the same steps.
//!
//! # To add a check
//! Give it a name in [`crate::check::SamlCheck`], write its rule in `rules` (a function from the message to a
//! result) and add it to `rules::RULES`.

mod decrypt;
mod encoded_message;
mod logout;
mod metadata;
mod model;
mod node;
mod requested;
mod response;
mod rules;
mod signature;
mod text;

pub use encoded_message::EncodedMessage;
pub use logout::{validate_logout_request, validate_logout_response};
pub use metadata::{IdpMetadata, MAX_METADATA_BYTES, MetadataError, read_metadata};
pub use model::{
    Decryption, EmailSource, ExpectedLogout, ExpectedResponse, LogoutRequest, LogoutResponse,
    ValidatedAssertion,
};
pub use requested::{MFA_CONTEXTS, RequestedAuthentication};
pub use response::{looks_encrypted, validate_response};
pub use text::MAX_BYTES;
