//! The only HTTP client for addresses that administrators enter.
//!
//! It connects to public hosts only: private, loopback and link-local networks (where cloud metadata
//! services are) are refused unless `outgoing.allowed_networks` lists them for every account or
//! `outgoing.account_networks` for the account whose administrators entered the address. The check is applied
//! to the address that is actually connected to, after name resolution, so that DNS rebinding between check
//! and use has no effect. Redirects are not followed, because they would bypass the checks of the URL.
//!
//! Accounts with networks of their own have clients of their own. A shared client would keep connections
//! open, and give one that was opened for one account to another that may not open it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http;
use ipnet::IpNet;
use reqwest::StatusCode;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, DATE, ETAG, IF_NONE_MATCH};
use tokio::net::TcpStream;
use url::{Host, Url};

use super::{Timestamp, config};

/// Why a request failed. The texts are shown to the administrator who entered the address.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is not `https`, has no host or contains credentials.
    #[error(
        "the URL must be https://host/path without credentials (http only for networks in \
         outgoing.allowed_networks or outgoing.account_networks)"
    )]
    InvalidUrl,
    /// The URL has an IP address in a private network.
    #[error(
        "the address is in a private network that this account may not use; to allow it, the operator of the \
         server lists the network in outgoing.account_networks or outgoing.allowed_networks"
    )]
    PrivateNetwork,
    /// No response came. This text is the same whatever the cause, so that an administrator of an account
    /// cannot explore the network of the server: which names exist, where they lead and which ports are open.
    /// [`Error::cause`] has the cause.
    #[error("{UNREACHABLE}")]
    Unreachable(#[source] FailedConnection),
    /// The certificate of the server is not valid or not trusted.
    #[error("{0}")]
    Certificate(String),
    /// The server answered with a status other than 200.
    #[error("the server responded with status {0}")]
    Status(u16),
    /// The body exceeds the limit, in bytes.
    #[error("the response is larger than {0} bytes")]
    TooLarge(usize),
    /// The body is not UTF-8.
    #[error("the response is not UTF-8 text")]
    NotText,
    /// The client could not be built.
    #[error("TLS setup failed: {0}")]
    Setup(#[source] reqwest::Error),
}

/// What is said of every failure to reach a server. It is short, because reports cut what they show.
pub const UNREACHABLE: &str = "the server could not be reached: it does not respond, is in a private network that is \
     not listed, or would be reached unencrypted; see the server log or vestibule doctor";

/// Why a server was not reached, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum FailedConnection {
    /// The name leads to a network that is not listed.
    #[error(
        "{0} leads to a private network that is not listed for this account in outgoing.account_networks, and \
         not in outgoing.allowed_networks"
    )]
    PrivateNetwork(String),
    /// The connection is not encrypted and the network is not listed.
    #[error(
        "passwords would be sent to {0} unencrypted; use TLS, or, if the network is secure, list it in \
         outgoing.account_networks or outgoing.allowed_networks"
    )]
    Unencrypted(String),
    /// The name could not be resolved, or the TCP connection failed.
    #[error("could not connect to {host}: {error}")]
    NotConnected {
        /// The host.
        host: String,
        /// The error of the system.
        error: std::io::Error,
    },
    /// Connecting, TLS or the protocol failed or timed out. The text has all causes.
    #[error("{0}")]
    Protocol(String),
}

impl Error {
    fn of_request(error: &reqwest::Error) -> Self {
        Self::of_text(with_causes(error))
    }

    /// A failure of a protocol that is spoken over [`HttpClient::connect`], with all its causes.
    #[must_use]
    pub fn of_text(text: String) -> Self {
        match text.find("invalid peer certificate") {
            Some(at) => Self::Certificate(text[at..].to_owned()),
            None => Self::Unreachable(FailedConnection::Protocol(text)),
        }
    }

    /// The exact cause, for the operator's log and `doctor`.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Unreachable(cause) => cause.to_string(),
            other => other.to_string(),
        }
    }
}

/// An error with everything that caused it.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The clients of all accounts. Cheap to clone.
#[derive(Clone)]
pub struct HttpClients {
    shared: HttpClient,
    by_account: Arc<HashMap<String, HttpClient>>,
}

impl HttpClients {
    /// Clients with the network rules of the configuration.
    #[must_use]
    pub fn new(config: &config::OutgoingConfig) -> Self {
        let client = |own: &[IpNet]| HttpClient::new([&config.allowed_networks, own].concat());
        let by_account = config.account_networks.iter().map(|(slug, own)| (slug.clone(), client(own)));
        Self { shared: client(&[]), by_account: Arc::new(by_account.collect()) }
    }

    /// The client for addresses that administrators of the account with this short name have entered.
    #[must_use]
    pub fn of_account(&self, slug: &str) -> HttpClient {
        self.by_account.get(slug).unwrap_or(&self.shared).clone()
    }
}

/// An HTTP client that enforces the SSRF rules of this module. Cheap to clone.
#[derive(Clone)]
pub struct HttpClient {
    /// Built on first use, because it loads every certificate that the system trusts.
    http: Arc<OnceLock<reqwest::Client>>,
    rules: Arc<NetworkRules>,
}

struct NetworkRules {
    allowed: Vec<IpNet>,
}

impl HttpClient {
    fn new(allowed: Vec<IpNet>) -> Self {
        Self { http: Arc::default(), rules: Arc::new(NetworkRules { allowed }) }
    }

    fn http(&self) -> Result<&reqwest::Client, Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(GuardedDns(self.rules.clone())))
            .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Setup)?;
        Ok(self.http.get_or_init(|| http))
    }

    /// Fetches the text at `url`, at most `limit` bytes.
    pub async fn get_text(&self, url: &Url, limit: usize) -> Result<String, Error> {
        let fresh = self.get_if_changed(url, limit, None).await?;
        fresh.map(|fresh| fresh.text).ok_or(Error::Status(304))
    }

    /// Like [`HttpClient::get_text`], but returns `None` when the document still has this `etag` (RFC 9110
    /// §13.1.2).
    pub async fn get_if_changed(
        &self,
        url: &Url,
        limit: usize,
        etag: Option<&str>,
    ) -> Result<Option<FetchedText>, Error> {
        let mut request = self.http()?.get(url.clone());
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = self.send(url, request).await?;
        if answer.status() == StatusCode::NOT_MODIFIED && etag.is_some() {
            return Ok(None);
        }
        let etag = answer.headers().get(ETAG).and_then(|value| value.to_str().ok());
        let etag = etag.filter(|etag| etag.len() <= 256).map(str::to_owned);
        let date = answer.headers().get(DATE).and_then(|value| value.to_str().ok()).and_then(http_date);
        Ok(Some(FetchedText { text: read(answer, limit).await?, etag, date }))
    }

    /// Fetches the text at `url` with a bearer token.
    pub async fn get_with_bearer(&self, url: &Url, token: &str, limit: usize) -> Result<String, Error> {
        let answer = self.send(url, self.http()?.get(url.clone()).bearer_auth(token)).await?;
        read(answer, limit).await
    }

    /// Posts a form and reads the response.
    pub async fn post_form(&self, url: &Url, fields: &[(&str, &str)], limit: usize) -> Result<String, Error> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http()?.post(url.clone()).body(body);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        read(self.send(url, request).await?, limit).await
    }

    /// Sends a request that a protocol library has built and reads at most `limit` bytes of the response,
    /// whatever its status.
    pub async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
        limit: usize,
    ) -> Result<http::Response<Vec<u8>>, Error> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| Error::InvalidUrl)?;
        let (parts, body) = request.into_parts();
        let sent = self.http()?.request(parts.method, url.clone()).headers(parts.headers).body(body);
        let answer = self.send(&url, sent).await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut made = http::Response::new(read_bytes(answer, limit).await?);
        *made.status_mut() = status;
        *made.headers_mut() = headers;
        Ok(made)
    }

    /// Checks a URL before a browser is redirected to it or this client requests it, as far as that is
    /// possible without resolving the name.
    pub fn check_url(&self, url: &Url) -> Result<(), Error> {
        self.rules.check_url(url)
    }

    /// Checks the host of a URL of any protocol, if it is an IP address. A name is checked when it is used.
    pub fn check_literal(&self, url: &Url) -> Result<(), Error> {
        let literal = url.host_str().and_then(ip_literal);
        if literal.is_some_and(|ip| !self.rules.permits(ip)) { Err(Error::PrivateNetwork) } else { Ok(()) }
    }

    /// Opens a TCP connection for a protocol other than HTTP, such as LDAP. Unencrypted connections are
    /// allowed only to listed networks.
    pub async fn connect(&self, host: &str, port: u16, encrypted: bool) -> Result<TcpStream, Error> {
        let failed = |error| FailedConnection::NotConnected { host: host.to_owned(), error };
        let found = tokio::net::lookup_host((host, port)).await;
        let found = found.map_err(|error| Error::Unreachable(failed(error)))?;
        let permits = |ip| if encrypted { self.rules.permits(ip) } else { self.rules.is_allowlisted(ip) };
        let mut last = if encrypted {
            FailedConnection::PrivateNetwork(host.to_owned())
        } else {
            FailedConnection::Unencrypted(host.to_owned())
        };
        for address in found.filter(|address| permits(address.ip())) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = failed(error),
            }
        }
        Err(Error::Unreachable(last))
    }

    async fn send(&self, url: &Url, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Error> {
        self.rules.check_url(url)?;
        let sent = request.send().await.map_err(|error| Error::of_request(&error));
        sent.inspect_err(|error| {
            tracing::warn!(host = url.host_str(), cause = error.cause(), "a server could not be reached");
        })
    }
}

/// A fetched document.
#[derive(Debug, Clone)]
pub struct FetchedText {
    /// The body.
    pub text: String,
    /// The `ETag` header, for a later conditional request.
    pub etag: Option<String>,
    /// The `Date` header, which shows the clock skew between the two servers.
    pub date: Option<Timestamp>,
}

/// Reads an HTTP date (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp(time.as_millisecond()))
}

async fn read(answer: reqwest::Response, limit: usize) -> Result<String, Error> {
    if answer.status() != StatusCode::OK {
        return Err(Error::Status(answer.status().as_u16()));
    }
    String::from_utf8(read_bytes(answer, limit).await?).map_err(|_| Error::NotText)
}

async fn read_bytes(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Error::of_request(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Error::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The IP address that a host is, in any spelling that a resolver accepts.
fn ip_literal(host: &str) -> Option<IpAddr> {
    match Host::parse(host) {
        Ok(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Ok(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        Ok(Host::Domain(_)) | Err(_) => None,
    }
}

impl NetworkRules {
    fn check_url(&self, url: &Url) -> Result<(), Error> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::InvalidUrl);
        }
        let literal = match url.host() {
            None => return Err(Error::InvalidUrl),
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
        };
        // A literal IP address never reaches the resolver, so it is checked here.
        if literal.is_some_and(|ip| !self.permits(ip)) {
            return Err(Error::PrivateNetwork);
        }
        let inside = literal.is_some_and(|ip| self.is_allowlisted(ip)) || self.is_allowed_localhost(url);
        match url.scheme() {
            "https" => Ok(()),
            "http" if inside => Ok(()),
            _ => Err(Error::InvalidUrl),
        }
    }

    /// `localhost` is the one name that is known to be private without resolving it.
    fn is_allowed_localhost(&self, url: &Url) -> bool {
        url.host_str() == Some("localhost") && self.is_allowlisted(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    fn is_allowlisted(&self, ip: IpAddr) -> bool {
        self.allowed.iter().any(|net| net.contains(&ip))
    }

    fn permits(&self, ip: IpAddr) -> bool {
        self.is_allowlisted(ip) || is_public(ip)
    }
}

/// Whether an address is public.
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
    // Global unicast is 2000::/3 (RFC 4291). 6to4 and NAT64 are excluded because they can embed a private
    // IPv4 address.
    (0x2000..0x4000).contains(&first) && first != 0x2002 && ip.segments()[..2] != [0x2001, 0xdb8]
}

struct GuardedDns(Arc<NetworkRules>);

impl Resolve for GuardedDns {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let good: Vec<SocketAddr> = found.into_iter().filter(|a| rules.permits(a.ip())).collect();
            if good.is_empty() {
                let refused = FailedConnection::PrivateNetwork(name.as_str().to_owned());
                return Err(Box::new(refused) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
#[path = "http_client_tests.rs"]
mod tests;
