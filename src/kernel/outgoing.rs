//! The one client for addresses an administrator typed in.
//!
//! It reaches public hosts only: private, loopback and link-local networks (cloud metadata lives
//! there) are refused unless `outgoing.allowed_networks` names them. The rule is applied to the
//! address that is connected to, after name resolution, so a name cannot change its mind between
//! check and use. Redirects are not followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::config;

/// Why an address could not be read. The text is for the administrator who typed it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not `https`, or no host, or credentials in it.
    #[error(
        "the address must be https://host/path (http only for networks listed in outgoing.allowed_networks)"
    )]
    Address,
    /// It leads inside.
    #[error(
        "the address leads into a private network; list it in outgoing.allowed_networks if that is meant"
    )]
    Private,
    /// The other side answered with something other than 200.
    #[error("the server there answered with status {0}")]
    Status(u16),
    /// More than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Not text.
    #[error("the answer is not UTF-8 text")]
    NotText,
    /// No connection, no valid certificate, too slow.
    #[error("no answer: {0}")]
    Http(#[source] reqwest::Error),
    /// The client could not be made.
    #[error("TLS set-up failed: {0}")]
    Setup(#[source] reqwest::Error),
}

/// See the module's text.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    rules: Arc<Rules>,
}

struct Rules {
    allowed: Vec<IpNet>,
}

impl Client {
    /// Builds the client with its rules.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn new(config: &config::Outgoing) -> Result<Self, Error> {
        let rules = Arc::new(Rules { allowed: config.allowed_networks.clone() });
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(GuardedDns(rules.clone())))
            .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Setup)?;
        Ok(Self { http, rules })
    }

    /// Reads the text at `url`, at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn get_text(&self, url: &Url, limit: usize) -> Result<String, Error> {
        self.rules.check_url(url)?;
        let mut answer = self.http.get(url.clone()).send().await.map_err(Error::Http)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(Error::Status(answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(Error::Http)? {
            if body.len() + chunk.len() > limit {
                return Err(Error::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| Error::NotText)
    }
}

impl Rules {
    fn check_url(&self, url: &Url) -> Result<(), Error> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Address);
        }
        let literal = match url.host() {
            None => return Err(Error::Address),
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
        };
        // A literal address never reaches the resolver, so it is judged here.
        if literal.is_some_and(|ip| !self.permits(ip)) {
            return Err(Error::Private);
        }
        let inside = literal.is_some_and(|ip| self.allows(ip)) || self.only_inside(url);
        match url.scheme() {
            "https" => Ok(()),
            "http" if inside => Ok(()),
            _ => Err(Error::Address),
        }
    }

    /// `localhost` is the one name known to be inside without asking.
    fn only_inside(&self, url: &Url) -> bool {
        url.host_str() == Some("localhost") && self.allows(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    fn allows(&self, ip: IpAddr) -> bool {
        self.allowed.iter().any(|net| net.contains(&ip))
    }

    fn permits(&self, ip: IpAddr) -> bool {
        self.allows(ip) || is_public(ip)
    }
}

/// Whether an address belongs to the open internet.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public_v4(ip),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b); // RFC 6598
    let benchmarking = a == 198 && (b == 18 || b == 19); // RFC 2544
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || shared
        || benchmarking
        || a == 0
        || a >= 224
        || ip.octets()[..3] == [192, 0, 0])
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    // Global unicast is 2000::/3 (RFC 4291); 6to4 and NAT64 can carry an inside IPv4 address.
    (0x2000..0x4000).contains(&first) && first != 0x2002 && ip.segments()[..2] != [0x2001, 0xdb8]
}

struct GuardedDns(Arc<Rules>);

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let good: Vec<SocketAddr> = found.into_iter().filter(|a| rules.permits(a.ip())).collect();
            if good.is_empty() {
                return Err(Box::new(Error::Private) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;
