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

/// The `return_to` of a query: the last one, decoded. Some proxies cannot encode an address; one with a query of
/// its own is then read as it is, to the end.
#[must_use]
pub fn return_to_of(query: &str) -> Option<String> {
    let mut last = None;
    let mut rest = query;
    loop {
        let (pair, following) = rest.split_once('&').unwrap_or((rest, ""));
        if let Some(value) = pair.strip_prefix("return_to=") {
            let is_url = value.starts_with("https://") || value.starts_with("http://");
            if value.contains('?') && (is_url || value.starts_with('/')) {
                return rest.strip_prefix("return_to=").map(str::to_owned);
            }
            let is_encoded = !is_url || value.contains("%3F") || value.contains("%3f");
            last = Some(if is_encoded { decode(pair) } else { value.to_owned() });
        }
        if following.is_empty() {
            return last;
        }
        rest = following;
    }
}

fn decode(pair: &str) -> String {
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
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
