//! The sign-in cookies: browser binding, session and remembered browser.

use axum::http::HeaderMap;

use crate::kernel::Kernel;
use crate::kernel::http::cookie;
use crate::kernel::tokens::{OpaqueToken, OpaqueTokenKind};

/// The names and attributes of the cookies, which depend on whether the public address uses https.
#[derive(Debug, Clone, Copy)]
pub struct SignInCookies {
    /// Binds sign-in flows to this browser.
    pub flow: &'static str,
    /// Carries the session's secret.
    pub session: &'static str,
    /// Identifies a remembered browser, in which the second factor is not required each time.
    pub device: &'static str,
    secure: &'static str,
}

/// The cookies for the server's public address. With https, the `__Host-` prefix prevents other hosts of
/// the domain from setting them (RFC 6265bis §4.1.3.2).
#[must_use]
pub fn cookies(kernel: &Kernel) -> SignInCookies {
    if kernel.urls.is_https() {
        SignInCookies {
            flow: "__Host-vst_flow",
            session: "__Host-vst_session",
            device: "__Host-vst_device",
            secure: "; Secure",
        }
    } else {
        SignInCookies { flow: "vst_flow", session: "vst_session", device: "vst_device", secure: "" }
    }
}

/// The browser that a sign-in runs in.
#[derive(Debug, Clone, Copy)]
pub struct BrowserBinding<'a> {
    /// The secret of its flow cookie.
    pub secret: &'a str,
    /// The secret of its device cookie, if it has one.
    pub device_secret: Option<&'a str>,
}

impl SignInCookies {
    /// The secret that binds flows to the browser of this request; a new one if the browser has none yet.
    #[must_use]
    pub fn browser_secret(&self, headers: &HeaderMap) -> String {
        let known = cookie(headers, self.flow).map(str::to_owned);
        known.unwrap_or_else(|| OpaqueToken::generate(OpaqueTokenKind::Flow).secret)
    }

    /// The binding for the browser of this request. `secret` comes from [`SignInCookies::browser_secret`].
    #[must_use]
    pub fn binding_of<'a>(&self, headers: &'a HeaderMap, secret: &'a str) -> BrowserBinding<'a> {
        BrowserBinding { secret, device_secret: cookie(headers, self.device) }
    }

    /// `Set-Cookie` for the browser binding, which lasts until the browser closes.
    #[must_use]
    pub fn set_flow(&self, secret: &str) -> String {
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{}", self.flow, self.secure)
    }

    /// `Set-Cookie` for a remembered browser. The account's settings decide at each sign-in whether it is
    /// still valid.
    #[must_use]
    pub fn set_device(&self, secret: &str) -> String {
        let seconds = 90 * 24 * 60 * 60;
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{}", self.device, self.secure)
    }

    /// `Set-Cookie` for the session, which lasts until the browser closes. The server enforces the
    /// session's limits.
    #[must_use]
    pub fn set_session(&self, secret: &str) -> String {
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{}", self.session, self.secure)
    }

    /// `Set-Cookie` that deletes the session cookie.
    #[must_use]
    pub fn clear_session(&self) -> String {
        format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}", self.session, self.secure)
    }
}
