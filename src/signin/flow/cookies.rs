//! The two cookies of signing in.

use axum::http::HeaderMap;

use crate::kernel::Kernel;
use crate::kernel::http::cookie;
use crate::kernel::tokens::{OpaqueToken, OpaqueTokenKind};

/// Names and attributes of the cookies, as the public address demands them.
#[derive(Debug, Clone, Copy)]
pub struct SignInCookies {
    /// Binds sign-ins under way to this browser.
    pub flow: &'static str,
    /// The session.
    pub session: &'static str,
    /// A browser in which the second factor is not asked for each time.
    pub device: &'static str,
    secure: &'static str,
}

/// On https the `__Host-` prefix keeps neighbours on other hosts from planting cookies (RFC 6265bis §4.1.3.2).
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

/// The browser a sign-in runs in.
#[derive(Debug, Clone, Copy)]
pub struct BrowserBinding<'a> {
    /// The secret in its flow cookie.
    pub secret: &'a str,
    /// The secret by which it is remembered, if it has one.
    pub device_secret: Option<&'a str>,
}

impl SignInCookies {
    /// The secret that binds sign-ins to the browser of this request; a fresh one where it has none yet.
    #[must_use]
    pub fn browser_secret(&self, headers: &HeaderMap) -> String {
        let known = cookie(headers, self.flow).map(str::to_owned);
        known.unwrap_or_else(|| OpaqueToken::generate(OpaqueTokenKind::Flow).secret)
    }

    /// The browser of this request, with `secret` from [`Cookies::browser`].
    #[must_use]
    pub fn binding_of<'a>(&self, headers: &'a HeaderMap, secret: &'a str) -> BrowserBinding<'a> {
        BrowserBinding { secret, device_secret: cookie(headers, self.device) }
    }

    /// `Set-Cookie` for the browser binding; gone with the browser.
    #[must_use]
    pub fn set_flow(&self, secret: &str) -> String {
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{}", self.flow, self.secure)
    }

    /// `Set-Cookie` for a browser that is remembered. How long it counts is up to the account, each time.
    #[must_use]
    pub fn set_device(&self, secret: &str) -> String {
        let seconds = 90 * 24 * 60 * 60;
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{}", self.device, self.secure)
    }

    /// `Set-Cookie` for the session. The server ends it; the browser forgets it when it closes.
    #[must_use]
    pub fn set_session(&self, secret: &str) -> String {
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{}", self.session, self.secure)
    }

    /// `Set-Cookie` that removes the session.
    #[must_use]
    pub fn clear_session(&self) -> String {
        format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}", self.session, self.secure)
    }
}
