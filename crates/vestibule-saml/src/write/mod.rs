//! What we send: requests, logout messages and our metadata, with our signature. samael writes requests and metadata.

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
