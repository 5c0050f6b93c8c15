//! OpenID Connect and OAuth as a client.

mod asked;
mod attacks;
mod browsers;
mod links;
mod logout;
mod pages;
mod presets;
mod signin;
mod trials;
pub mod world;
