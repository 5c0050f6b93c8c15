//! Absolute links. Every one starts at the configured public address, never at a Host header.

use url::Url;

/// Builds links on the public address.
#[derive(Clone, Debug)]
pub struct Urls {
    origin: String,
    is_https: bool,
}

impl Urls {
    /// `base` must be an origin without path; the configuration has checked that.
    #[must_use]
    pub fn new(base: &Url) -> Self {
        Self { origin: base.origin().ascii_serialization(), is_https: base.scheme() == "https" }
    }

    /// `https://id.example.com/` + `/console` → `https://id.example.com/console`.
    #[must_use]
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// `https://id.example.com`, as browsers write it in `Origin`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether cookies must be `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.is_https
    }
}

/// `text` as the value of a query parameter.
#[must_use]
pub fn query_value(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A path on this server that a browser may be sent to after sign-in, or the fallback.
///
/// Only `/path` passes: `//host`, `/\host`, control characters and full URLs are how open redirects are made.
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
