//! Validation of what comes from outside: responses, logout messages, metadata. No clock of its own.
//!
//! The order matters. The text is parsed **once**; structure is checked before any signature is
//! looked at; a signature counts only if the node it covers *is* the Assertion that is read (or the
//! Response above it); and only then is anything read, from the same tree. What was encrypted is a
//! text of its own, and goes the same way.
//!
//! # To add a check
//! Give it a name in [`crate::check::SamlCheck`], write its rule in `rules` (a function from the message to a result) and
//! put it into `rules::RULES`.

mod decrypt;
mod encoded_message;
mod logout;
mod metadata;
mod model;
mod node;
mod response;
mod rules;
mod signature;
mod text;

pub use encoded_message::EncodedMessage;
pub use logout::{validate_logout_request, validate_logout_response};
pub use metadata::{IdpMetadata, MAX_METADATA_BYTES, MetadataError, read_metadata};
pub use model::{
    Decryption, ExpectedLogout, ExpectedResponse, LogoutRequest, LogoutResponse, ValidatedAssertion,
};
pub use response::{looks_encrypted, validate_response};
pub use text::MAX_BYTES;
