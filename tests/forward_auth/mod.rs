//! Applications behind a reverse proxy: registration, the answers to the proxy, sign-in at an application's
//! host, and what must not count there.

mod answers;
mod attacks;
mod browsers;
mod hosts;
mod neighbours;
mod principals;
mod proxies;
mod registration;
mod sessions;
mod signing;
mod strangers;
pub mod world;
