//! SAML by capability.

mod asked;
mod attacks;
mod browsers;
mod corpus;
mod encryption;
mod keys;
mod logout;
mod metadata;
mod pages;
mod people;
mod requests;
mod responses;
mod trials;
pub mod world;
