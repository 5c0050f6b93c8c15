//! The two cookies on an application's host: its session, and the secret that binds sign-ins to the browser
//! together with the addresses that the browser returns to.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::address::ReturnAddress;
use crate::kernel::http::cookie;
use crate::kernel::random;
use crate::kernel::tokens::{OpaqueToken, OpaqueTokenKind};

/// The names and attributes of the cookies on a host.
#[derive(Debug, Clone, Copy)]
pub struct ApplicationCookies {
    /// Carries the secret of the session at the application.
    pub session: &'static str,
    /// Binds sign-ins to the browser and remembers where they return to.
    pub attempts: &'static str,
    secure: &'static str,
}

impl ApplicationCookies {
    /// The cookies of hosts with this scheme. With https, the `__Host-` prefix prevents other hosts of the
    /// domain from setting them (RFC 6265bis §4.1.3.2).
    #[must_use]
    pub fn for_scheme(scheme: &str) -> Self {
        if scheme == "https" {
            Self { session: "__Host-vst_app", attempts: "__Host-vst_app_sign_in", secure: "; Secure" }
        } else {
            Self { session: "vst_app", attempts: "vst_app_sign_in", secure: "" }
        }
    }

    /// The secret of the session in this request.
    #[must_use]
    pub fn session_of<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookie(headers, self.session)
    }

    /// The sign-ins that this browser has begun.
    #[must_use]
    pub fn attempts_of(&self, headers: &HeaderMap) -> Option<Attempts> {
        Attempts::parse(cookie(headers, self.attempts)?)
    }

    /// `Set-Cookie` for the session, which lasts until the browser closes.
    #[must_use]
    pub fn set_session(&self, secret: &str) -> String {
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{}", self.session, self.secure)
    }

    /// `Set-Cookie` that deletes the session cookie.
    #[must_use]
    pub fn clear_session(&self) -> String {
        format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{}", self.session, self.secure)
    }

    /// `Set-Cookie` for the begun sign-ins.
    #[must_use]
    pub fn set_attempts(&self, attempts: &Attempts) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Lax{}", self.attempts, attempts.text(), self.secure)
    }
}

/// The sign-ins that a browser has begun at one host. Several tabs share the secret, and each has an address
/// to return to. The addresses are in the browser and not in the URLs of the sign-in, however long they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// The secret of the browser.
    pub browser: String,
    targets: Vec<AttemptTarget>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AttemptTarget {
    id: String,
    path_and_query: String,
}

/// Browsers keep at least 4096 bytes of a cookie, with its name and attributes (RFC 6265 §6.1).
const MAX_TEXT: usize = 3800;

impl Attempts {
    /// A browser that has begun none.
    #[must_use]
    pub fn none() -> Self {
        let browser = OpaqueToken::generate(OpaqueTokenKind::ApplicationBrowser).secret;
        Self { browser, targets: Vec::new() }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('~');
        let browser = parts.next().filter(|text| {
            text.strip_prefix(OpaqueTokenKind::ApplicationBrowser.prefix())
                .is_some_and(|rest| rest.len() == 43)
        })?;
        let target = |part: &str| {
            let (id, encoded) = part.split_once('.')?;
            let path_and_query = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
            Some(AttemptTarget { id: id.to_owned(), path_and_query })
        };
        Some(Self { browser: browser.to_owned(), targets: parts.filter_map(target).collect() })
    }

    /// Remembers where a new sign-in returns to, and returns its id. The oldest ones are forgotten when the
    /// cookie would become too long; they return to `/`.
    pub fn begin(&mut self, address: &ReturnAddress) -> String {
        let id = URL_SAFE_NO_PAD.encode(random::bytes::<6>());
        self.targets.push(AttemptTarget { id: id.clone(), path_and_query: address.target.clone() });
        while self.targets.len() > 1 && self.text().len() > MAX_TEXT {
            self.targets.remove(0);
        }
        id
    }

    /// Ends a sign-in and returns where it leads. Addresses come from a cookie, which an application can set,
    /// so the caller must only use them on the application's own host.
    pub fn finish(&mut self, id: &str) -> String {
        let found = self.targets.iter().position(|target| target.id == id);
        found.map_or_else(|| "/".to_owned(), |at| self.targets.remove(at).path_and_query)
    }

    fn text(&self) -> String {
        let mut text = self.browser.clone();
        for AttemptTarget { id, path_and_query } in &self.targets {
            text.push('~');
            text.push_str(id);
            text.push('.');
            URL_SAFE_NO_PAD.encode_string(path_and_query, &mut text);
        }
        text
    }
}
