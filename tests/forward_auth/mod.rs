//! Applications behind a reverse proxy: registration, the answers to the proxy, sign-in at an application's
//! host, and what must not count there.

mod answers;
mod attacks;
mod browsers;
mod neighbours;
mod proxies;
mod registration;
mod signing;
pub mod world;
