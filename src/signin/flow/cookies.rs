//! The sign-in cookies: browser binding, session and remembered browser.

use axum::http::HeaderMap;

use crate::kernel::Kernel;
use crate::kernel::http::cookie;
use crate::kernel::tokens::{OpaqueToken, OpaqueTokenKind};

/// The number of flows with a proof that a browser can continue, in as many tabs.
const MAX_STEPS: usize = 6;
/// Separates their secrets in the step cookie. It is not part of a secret.
const SEPARATOR: &str = "~";
/// Longer than any secret.
const MAX_SECRET_LENGTH: usize = 80;

/// The names and attributes of the cookies, which depend on whether the public address uses https.
#[derive(Debug, Clone, Copy)]
pub struct SignInCookies {
    /// Binds sign-in flows to this browser.
    pub flow: &'static str,
    /// Binds a flow with a proof to the browser that proved it. A flow cookie that was copied or planted
    /// before the proof is therefore useless after it.
    pub step: &'static str,
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
            step: "__Host-vst_step",
            session: "__Host-vst_session",
            device: "__Host-vst_device",
            secure: "; Secure",
        }
    } else {
        SignInCookies {
            flow: "vst_flow",
            step: "vst_step",
            session: "vst_session",
            device: "vst_device",
            secure: "",
        }
    }
}

/// The browser that a sign-in runs in.
#[derive(Debug, Clone, Copy)]
pub struct BrowserBinding<'a> {
    /// The secret of its flow cookie.
    pub secret: &'a str,
    /// The secret of its device cookie, if it has one.
    pub device_secret: Option<&'a str>,
    /// The secret of its session cookie, if it has one. A new sign-in ends that session.
    pub session_secret: Option<&'a str>,
    /// The content of its step cookie, if it has one: the secrets of flows with a proof.
    pub step_cookie: Option<&'a str>,
}

impl BrowserBinding<'_> {
    /// The content of the step cookie with a new secret. The secrets of sign-ins in other tabs stay, the most
    /// recent ones first. An older one, even a planted one, opens no flow that is bound to the new one.
    pub(super) fn step_cookie_with(&self, secret: &str) -> String {
        let is_secret =
            |text: &&str| text.starts_with(OpaqueTokenKind::Flow.prefix()) && text.len() <= MAX_SECRET_LENGTH;
        let others = self.step_cookie.into_iter().flat_map(|all| all.split(SEPARATOR)).filter(is_secret);
        let all: Vec<&str> = std::iter::once(secret).chain(others).take(MAX_STEPS).collect();
        all.join(SEPARATOR)
    }
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
        BrowserBinding {
            secret,
            device_secret: cookie(headers, self.device),
            session_secret: cookie(headers, self.session),
            step_cookie: cookie(headers, self.step),
        }
    }

    /// The secrets of this request that a flow may be bound to: those that were set with proofs, and the one
    /// from before any proof.
    pub fn flow_secrets<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> + use<'a> {
        let of_steps = cookie(headers, self.step).into_iter().flat_map(|all| all.split(SEPARATOR));
        of_steps.take(MAX_STEPS).chain(cookie(headers, self.flow))
    }

    /// `Set-Cookie` for flows with a proof, which lasts until the browser closes. `content` comes from
    /// [`crate::signin::RequiredStep::cookie`].
    #[must_use]
    pub fn set_step(&self, content: &str) -> String {
        format!("{}={content}; Path=/; HttpOnly; SameSite=Lax{}", self.step, self.secure)
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
