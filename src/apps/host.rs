//! Hosts of applications: `app.example.com`, with a port where it is not the default.

use url::{Host, Url};

/// The canonical form of a host as an administrator typed it: lower case, IDNA ASCII, without the default
/// port. The error is a clause such as "must not contain a path".
pub fn parse_host(typed: &str) -> Result<String, &'static str> {
    let typed = typed.trim();
    if typed.contains('*') {
        return Err("must not contain a wildcard; list each host");
    }
    if typed.is_empty() || typed.contains(['/', '\\', '?', '#', '@']) || typed.contains(char::is_whitespace) {
        return Err("must be host names such as app.example.com, without scheme and path");
    }
    let invalid = "must be host names such as app.example.com or app.example.com:8443";
    // The scheme has no default port that would be removed here.
    let url =
        Url::parse(&format!("vestibule-http://{}", typed.trim_end_matches('.'))).map_err(|_| invalid)?;
    let port = url.port().filter(|port| !matches!(port, 80 | 443));
    let url = Url::parse(&format!("http://{}", url.host_str().ok_or(invalid)?)).map_err(|_| invalid)?;
    let host = match url.host() {
        Some(Host::Domain(name)) if name.len() <= 253 && !name.is_empty() => name.to_owned(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => format!("[{ip}]"),
        _ => return Err(invalid),
    };
    Ok(match port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

/// The host without its port.
#[must_use]
pub fn hostname_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

/// The domains that a host name is in, the nearest first: the name itself and those above it that have a dot.
pub(super) fn domains_above(hostname: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(hostname), |name| Some(name.split_once('.')?.1))
        .filter(|name| name.contains('.'))
}

/// A host as a request names it, in lower case and without the default port of either scheme, so that it
/// can be compared with a registered one.
#[must_use]
pub fn strip_default_port(host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let bare = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80"));
    bare.map_or(host.clone(), str::to_owned)
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
