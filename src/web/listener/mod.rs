//! The listeners: they accept connections, limit how many are open, and close those whose client keeps them
//! waiting. HTTP/1 only, without TLS: a reverse proxy terminates it.

mod accept;
mod activity;
mod body;
mod limits;
mod open_connections;
mod stream;

pub(super) use accept::Listener;
pub use limits::ConnectionLimits;
