//! Absolute links. They always start with the configured public address, never with the `Host` header,
//! which the client controls.

use url::Url;

/// Builds links from the public address.
#[derive(Clone, Debug)]
pub struct Urls {
    origin: String,
    is_https: bool,
}

impl Urls {
    /// `base` must be an origin without path, which the configuration has checked.
    #[must_use]
    pub fn new(base: &Url) -> Self {
        Self { origin: base.origin().ascii_serialization(), is_https: base.scheme() == "https" }
    }

    /// `https://id.example.com/` + `/console` → `https://id.example.com/console`.
    #[must_use]
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The origin as browsers send it in the `Origin` header: `https://id.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether cookies must be marked `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }
}

/// Encodes `text` as the value of a query parameter.
#[must_use]
pub fn query_value(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Returns a local path that the browser may be redirected to after sign-in, or `fallback`.
///
/// Only `/path` is accepted. `//host`, `/\host`, control characters and full URLs would create an open
/// redirect.
#[must_use]
pub fn local_path<'a>(wanted: Option<&'a str>, fallback: &'a str) -> &'a str {
    let safe = |path: &&str| {
        let mut chars = path.chars();
        chars.next() == Some('/')
            && !matches!(chars.next(), Some('/' | '\\'))
            && !path.chars().any(|c| c.is_control() || c == '\\')
            && path.len() <= 2048
    };
    wanted.filter(safe).unwrap_or(fallback)
}

#[cfg(test)]
#[path = "urls_tests.rs"]
mod tests;
