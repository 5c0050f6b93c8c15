//! Lookups in the DNS whose result is a statement, such as the proof of a domain. Names of hosts that are connected to
//! are resolved by the operating system, not here.

use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;

use super::config::{DnsConfig, DnsServer};

/// How long a lookup may take, with its repetitions.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long one server has for one answer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a lookup has no result: neither that a record exists nor that it does not. The texts are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum DnsLookupError {
    /// No server answered in time.
    #[error("no DNS server answered within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    /// A server could not answer, such as SERVFAIL, or could not be reached.
    #[error("{0}")]
    Failed(#[source] NetError),
    /// The servers of the system are not known.
    #[error("the DNS servers of this system cannot be read; set dns.servers: {0}")]
    NoServers(#[source] NetError),
}

/// Looks records up at the configured servers, or at those of the system. Answers are not kept: who asks wants to know
/// what the DNS says now.
#[derive(Debug, Clone)]
pub struct DnsClient {
    servers: Vec<DnsServer>,
}

impl DnsClient {
    /// A client for the servers of the configuration.
    #[must_use]
    pub fn new(config: &DnsConfig) -> Self {
        Self { servers: config.servers.clone() }
    }

    /// The texts of the TXT records of a name, each with its strings joined (RFC 1035 §3.3.14, RFC 7208 §3.3). None if
    /// the name or the records do not exist. Over UDP, and over TCP when the answer is too long for it.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, DnsLookupError> {
        let resolver = self.resolver()?;
        // The dot at the end keeps the search domains of the system out.
        let name =
            Name::from_ascii(format!("{name}.")).map_err(|error| DnsLookupError::Failed(error.into()))?;
        let lookup = resolver.lookup(name, RecordType::TXT);
        let found = match tokio::time::timeout(TIMEOUT, lookup).await {
            Err(_) | Ok(Err(NetError::Timeout)) => return Err(DnsLookupError::Timeout),
            Ok(Err(error)) if says_that_nothing_exists(&error) => return Ok(Vec::new()),
            Ok(found) => found.map_err(DnsLookupError::Failed)?,
        };
        let texts = found.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        });
        Ok(texts.collect())
    }

    fn resolver(&self) -> Result<Resolver<TokioRuntimeProvider>, DnsLookupError> {
        let (config, mut options) = if self.servers.is_empty() {
            read_system_conf().map_err(DnsLookupError::NoServers)?
        } else {
            let servers = self.servers.iter().map(name_server).collect();
            (ResolverConfig::from_name_servers(servers), ResolverOpts::default())
        };
        options.timeout = ATTEMPT_TIMEOUT;
        options.attempts = 1;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        builder.build().map_err(DnsLookupError::Failed)
    }
}

/// Whether the answer was that the name or its records do not exist (RFC 2308 §2).
fn says_that_nothing_exists(error: &NetError) -> bool {
    let NetError::Dns(DnsError::NoRecordsFound(answer)) = error else { return false };
    matches!(answer.response_code, ResponseCode::NXDomain | ResponseCode::NoError)
}

fn name_server(server: &DnsServer) -> NameServerConfig {
    let address = server.address();
    let mut config = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut config.connections {
        connection.port = address.port();
    }
    config
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
