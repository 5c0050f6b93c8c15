//! Forward authentication: a reverse proxy asks for each request of an application whether it may pass, and
//! passes `/.vestibule/` of the application's host through to this server.
//!
//! An application has a session cookie of its own, on its own host. A browser gets it by a one-time code from
//! the session at this server, bound to the application, its host and the browser.

mod address;
mod asked;
mod cookies;
mod handover;
mod identity;
mod sessions;
mod store;

pub use address::ReturnAddress;
pub use asked::{AskedRequest, Unclear};
pub use cookies::{ApplicationCookies, Attempts};
pub use handover::{Handover, Presented, issue_code, redeem_code};
pub use identity::{IDENTITY_HEADERS, JWT_TYPE, RequestIdentity};
pub use sessions::{ApplicationRequest, authenticate, create, sign_out};
pub use store::{
    NewApplicationSession, UntrustedProxy, delete_ended, forget_untrusted_proxies, record_untrusted_proxies,
    untrusted_proxies,
};
