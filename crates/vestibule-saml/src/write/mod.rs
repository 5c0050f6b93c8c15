//! Our own messages with our signature: authentication requests, logout messages and metadata. samael writes
//! all but the logout messages.

mod authn_request;
mod encode;
mod error;
mod logout;
mod sp_metadata;

pub use authn_request::AuthnRequest;
pub use encode::{BrowserRequest, OutboundMessage};
pub use error::WriteError;
pub use logout::MessageHeader;
pub use sp_metadata::SpMetadata;
