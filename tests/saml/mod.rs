//! SAML by capability.

mod attacks;
mod browsers;
mod encryption;
mod keys;
mod logout;
mod metadata;
mod people;
mod requests;
mod responses;
mod trials;
mod world;
