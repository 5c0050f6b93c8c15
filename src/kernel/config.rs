//! Configuration: defaults, overridden by `vestibule.toml`, overridden by `VESTIBULE_SECTION__KEY`. All
//! mistakes are reported at once, each with its key and with what to write instead, so that an
//! administrator restarts once and not once per mistake.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

/// Everything that is configured outside the database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where the server listens and at which address clients reach it.
    pub server: ServerConfig,
    /// Which database to use.
    pub database: DatabaseConfig,
    /// How mail is delivered.
    pub mail: MailConfig,
    /// Where the master key is.
    pub secrets: SecretsConfig,
    /// The log's form and level.
    pub log: LogConfig,
    /// Which networks outgoing requests may reach.
    pub outgoing: OutgoingConfig,
    /// Which DNS servers are asked for the records that prove domains.
    pub dns: DnsConfig,
    /// Where metrics are served.
    pub metrics: MetricsConfig,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct ServerConfig {
    /// Address and port; port 0 lets the system choose a free one.
    pub listen: SocketAddr,
    /// The public address that browsers use, without path. Default: the listening address.
    pub public_url: Option<Url>,
    /// Networks of reverse proxies whose `X-Forwarded-*` and `X-Original-*` headers are trusted.
    pub trusted_proxies: Vec<IpNet>,
}

impl ServerConfig {
    /// Whether this is the address of a trusted reverse proxy.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 8080).into(), public_url: None, trusted_proxies: Vec::new() }
    }
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct DatabaseConfig {
    /// `sqlite://path` or `postgres://user@host/name`.
    pub url: String,
    /// Size of the PostgreSQL connection pool, or number of SQLite readers.
    pub max_connections: u32,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self { url: "sqlite://data/vestibule.db".into(), max_connections: 16 }
    }
}

/// `[mail]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct MailConfig {
    /// `smtp://user:password@host:587?tls=required` or `smtps://…`. Default: files in `directory`.
    pub url: Option<String>,
    /// PEM file of certificates that are trusted for the mail server in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// The sender of every mail.
    pub from: String,
    /// Where mails are written as files while `url` is not set.
    pub directory: PathBuf,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            from: "Vestibule <vestibule@localhost>".into(),
            directory: "data/outbox".into(),
        }
    }
}

/// `[secrets]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct SecretsConfig {
    /// Path of the key file. It is created with mode 0600 at the first start.
    pub master_key_file: PathBuf,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self { master_key_file: "data/master.key".into() }
    }
}

/// The log's form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for reading in a terminal.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct LogConfig {
    /// `text` or `json`.
    pub format: LogFormat,
    /// A filter directive such as `info` or `vestibule=debug,info`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".into() }
    }
}

/// `[outgoing]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct OutgoingConfig {
    /// Private networks that administrators of every account may enter addresses in, for identity providers
    /// inside the company's network.
    pub allowed_networks: Vec<IpNet>,
    /// Further networks for single accounts, by the account's short name.
    pub account_networks: BTreeMap<String, Vec<IpNet>>,
}

/// `[dns]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct DnsConfig {
    /// The servers. Default: those of the system.
    pub servers: Vec<DnsServer>,
}

/// A DNS server: its IP address, and its port if that is not 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DnsServer(SocketAddr);

impl DnsServer {
    /// Its address and port.
    #[must_use]
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

impl TryFrom<String> for DnsServer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let with_port = text.parse().or_else(|_| text.parse().map(|ip: IpAddr| (ip, 53).into()));
        with_port.map(Self).map_err(|_| {
            format!("{text} is not an IP address with an optional port; use 192.0.2.53 or 192.0.2.53:5353")
        })
    }
}

/// `[metrics]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct MetricsConfig {
    /// Address and port of `/metrics`, for the operator's monitoring. Not served while it is not set.
    pub listen: Option<SocketAddr>,
}

/// All keys, to detect unknown ones and to suggest the closest known one.
const KEYS: [&str; 16] = [
    "server.listen",
    "server.public_url",
    "server.trusted_proxies",
    "database.url",
    "database.max_connections",
    "mail.url",
    "mail.ca_file",
    "mail.from",
    "mail.directory",
    "secrets.master_key_file",
    "log.format",
    "log.level",
    "outgoing.allowed_networks",
    "dns.servers",
    "outgoing.account_networks",
    "metrics.listen",
];

/// All mistakes in the configuration.
#[derive(Debug, thiserror::Error)]
#[error("the configuration has {} error(s):\n  - {}", .0.len(), .0.join("\n  - "))]
pub struct ConfigErrors(pub Vec<String>);

impl Config {
    /// Merges defaults, the file and the environment.
    ///
    /// A `file` that was passed must exist; without one, `vestibule.toml` is read if it exists.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigErrors> {
        if let Some(path) = file.filter(|path| !path.is_file()) {
            return Err(ConfigErrors(vec![format!("--config {}: file not found", path.display())]));
        }
        let path = file.unwrap_or(Path::new("vestibule.toml"));
        // Variables without a section, such as VESTIBULE_HOME, belong to other programs.
        let env = Env::prefixed("VESTIBULE_").filter(|key| key.as_str().contains("__")).split("__");
        Self::from_figment(&Figment::new().merge(Toml::file(path)).merge(env))
    }

    fn from_figment(source: &Figment) -> Result<Self, ConfigErrors> {
        let mut mistakes = unknown_keys(source)?;
        let mut config = Self::default();
        section(source, "server", &mut config.server, &mut mistakes);
        section(source, "database", &mut config.database, &mut mistakes);
        section(source, "mail", &mut config.mail, &mut mistakes);
        section(source, "secrets", &mut config.secrets, &mut mistakes);
        section(source, "log", &mut config.log, &mut mistakes);
        section(source, "outgoing", &mut config.outgoing, &mut mistakes);
        section(source, "dns", &mut config.dns, &mut mistakes);
        section(source, "metrics", &mut config.metrics, &mut mistakes);
        mistakes.extend(config.invalid_values());
        if mistakes.is_empty() { Ok(config) } else { Err(ConfigErrors(mistakes)) }
    }

    fn invalid_values(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(url) = &self.server.public_url {
            let is_origin = matches!(url.scheme(), "http" | "https")
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty();
            if !is_origin {
                found.push(format!(
                    "server.public_url: {url} must be a scheme and host without a path, such as \
                     https://id.example.com"
                ));
            }
        }
        if !["sqlite://", "postgres://", "postgresql://"].iter().any(|s| self.database.url.starts_with(s)) {
            found
                .push("database.url: use sqlite://data/vestibule.db or postgres://user@host/database".into());
        }
        if self.metrics.listen.is_some_and(|address| address == self.server.listen && address.port() != 0) {
            found.push(format!(
                "metrics.listen: {} is also server.listen; choose another port, such as 127.0.0.1:9464, because \
                 metrics are not for everyone who reaches the server",
                self.server.listen
            ));
        }
        if self.database.max_connections == 0 {
            found.push("database.max_connections: must be at least 1; the default is 16".into());
        }
        if self.mail.url.as_ref().is_some_and(|u| !u.starts_with("smtp://") && !u.starts_with("smtps://")) {
            found.push(
                "mail.url: use smtp://user:password@host:587?tls=required or smtps://user:password@host"
                    .into(),
            );
        }
        if self.mail.from.parse::<lettre::message::Mailbox>().is_err() {
            found.push(format!(
                "mail.from: \"{}\" is not a valid sender; use Name <name@example.com>",
                self.mail.from
            ));
        }
        found
    }
}

fn section<T: for<'d> Deserialize<'d>>(
    source: &Figment,
    name: &str,
    into: &mut T,
    mistakes: &mut Vec<String>,
) {
    if source.find_value(name).is_err() {
        return;
    }
    match source.extract_inner::<T>(name) {
        Ok(value) => *into = value,
        Err(errors) => mistakes.extend(errors.into_iter().map(|e| {
            let from = e.metadata.as_ref().map_or(String::new(), |m| format!(" (from {})", m.name));
            let key: Vec<&str> = e.path.iter().map(String::as_str).filter(|part| *part != name).collect();
            format!("{name}.{}: {}{from}", key.join("."), e.kind)
        })),
    }
}

fn unknown_keys(source: &Figment) -> Result<Vec<String>, ConfigErrors> {
    let all: figment::value::Dict = source.extract().map_err(|e| ConfigErrors(vec![e.to_string()]))?;
    let mut mistakes = Vec::new();
    for (section, value) in &all {
        let Some(keys) = value.as_dict() else {
            mistakes.push(format!("{section}: this key must be in a section; {}", propose(section)));
            continue;
        };
        for key in keys.keys().map(|key| format!("{section}.{key}")) {
            if !KEYS.contains(&key.as_str()) {
                mistakes.push(format!("{key}: unknown key; {}", propose(&key)));
            }
        }
    }
    Ok(mistakes)
}

fn propose(key: &str) -> String {
    let nearest = KEYS.into_iter().min_by_key(|candidate| distance(key, candidate));
    format!("did you mean {}?", nearest.unwrap_or("server.listen"))
}

/// Levenshtein distance, to suggest the key that was probably meant.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
