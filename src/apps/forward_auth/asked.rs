//! What a reverse proxy asks about: the request of a browser, from the headers in which it forwards it.

use axum::http::{HeaderMap, Uri};

use super::address::ReturnAddress;

/// A request at an application's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedRequest {
    /// Its address.
    pub address: ReturnAddress,
    /// Its method.
    pub method: String,
}

/// Why it is unclear what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// The proxy forwarded no host.
    #[error("the headers X-Forwarded-Host and X-Original-URL are missing")]
    Missing,
    /// A header occurs twice, has several values, or two headers contradict each other.
    #[error("the forwarded headers are ambiguous")]
    Ambiguous,
    /// A header has no valid value.
    #[error("a forwarded header is not valid")]
    Invalid,
}

impl AskedRequest {
    /// Reads what a trusted proxy forwards: `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`, or
    /// `X-Original-Method` and `-URL`. A proxy that forwards no URI appends it to our path; `appended` is
    /// that rest. `https` says whether this server has a public URL with https; then applications have it too.
    pub fn read(headers: &HeaderMap, appended: &str, https: bool) -> Result<Self, Unclear> {
        let proto = single(headers, "x-forwarded-proto")?;
        let host = single(headers, "x-forwarded-host")?;
        let uri = single(headers, "x-forwarded-uri")?;
        let original = single(headers, "x-original-url")?;
        let method = match single(headers, "x-forwarded-method")? {
            Some(method) => Some(method),
            None => single(headers, "x-original-method")?,
        };
        let scheme = match proto {
            _ if https => "https",
            Some("https" | "wss") => "https",
            Some("http" | "ws") | None => "http",
            Some(_) => return Err(Unclear::Invalid),
        };
        let address = match (host, original) {
            (None, None) => return Err(Unclear::Missing),
            (Some(host), None) => {
                let target = match uri {
                    Some(uri) => target_of(uri)?,
                    None => appended.to_owned(),
                };
                ReturnAddress::new(scheme, host, &target).ok_or(Unclear::Invalid)?
            }
            (host, Some(original)) => {
                let mut address = ReturnAddress::parse(original).ok_or(Unclear::Invalid)?;
                if https {
                    address.scheme = "https";
                }
                let same_host = host.is_none_or(|host| {
                    ReturnAddress::new(scheme, host, "/").is_some_and(|other| other.host == address.host)
                });
                let same_target = match uri {
                    Some(uri) => target_of(uri)? == address.target,
                    None => true,
                };
                if !same_host || !same_target {
                    return Err(Unclear::Ambiguous);
                }
                address
            }
        };
        Ok(Self { address, method: method.unwrap_or("GET").to_owned() })
    }
}

/// The path and query of `X-Forwarded-Uri`, which some proxies send as an absolute URL.
fn target_of(uri: &str) -> Result<String, Unclear> {
    if uri.starts_with('/') {
        return Ok(uri.to_owned());
    }
    let parsed: Uri = uri.parse().map_err(|_| Unclear::Invalid)?;
    let target = parsed.path_and_query().ok_or(Unclear::Invalid)?;
    Ok(target.as_str().to_owned())
}

/// The only value of a header. Two values would let a client add one that another part reads.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Unclear> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Unclear::Ambiguous);
    }
    let text = first.to_str().map_err(|_| Unclear::Invalid)?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    // A comma separates values in all of these headers but those with a URI.
    if text.contains(',') && !name.ends_with("-uri") && !name.ends_with("-url") {
        return Err(Unclear::Ambiguous);
    }
    Ok(Some(text))
}

#[cfg(test)]
#[path = "asked_tests.rs"]
mod tests;
