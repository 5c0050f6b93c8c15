//! The address of a page of an application, to which a browser returns after sign-in.

use crate::apps::host::strip_default_port;

/// The longest path with query that is kept, so that it fits into a cookie.
const MAX_TARGET: usize = 2600;

/// An address that was requested: scheme, host and target. It is kept as the browser sent it, because a
/// parsed and rebuilt URL may differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnAddress {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The host in lower case, with its port if that is not the default.
    pub host: String,
    /// The path and query.
    pub target: String,
}

impl ReturnAddress {
    /// An address from its parts; `None` if the target cannot be part of a `Location` header.
    #[must_use]
    pub fn new(scheme: &'static str, host: &str, target: &str) -> Option<Self> {
        let target = if target.is_empty() || target.len() > MAX_TARGET { "/" } else { target };
        let is_target = target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic());
        let is_trimmed = host.trim() == host;
        let host = strip_default_port(host);
        let is_host = is_trimmed
            && !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
        (is_target && is_host).then(|| Self { scheme, host, target: target.to_owned() })
    }

    /// Parses an absolute URL. A URL with user information is refused, and whatever a browser could read as
    /// another host.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = match url.split_once("://")? {
            ("https", rest) => ("https", rest),
            ("http", rest) => ("http", rest),
            _ => return None,
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        let target = target.split('#').next().unwrap_or_default();
        let target = if target.starts_with('?') { format!("/{target}") } else { target.to_owned() };
        Self::new(scheme, host, &target)
    }

    /// The address as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin(), self.target)
    }

    /// Scheme and host, as browsers send them in the `Origin` header.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
