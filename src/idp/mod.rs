//! Proof from outside: connections to the identity providers of an account, and the protocols they
//! speak. Each protocol ends in one [`crate::signin::Proof`].

pub mod connections;
mod http;
mod replays;
pub mod report;
pub mod saml;
pub mod trials;
