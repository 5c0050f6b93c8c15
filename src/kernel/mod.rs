//! The foundation of all other modules: configuration, database, clock, ids, secrets, mail and background
//! jobs. It knows the ids of domain rows as types, and nothing else of the domain.

pub mod cache;
pub mod config;
pub mod dns;
pub mod http;
pub mod http_client;
pub mod jobs;
pub mod limiter;
pub mod log;
pub mod mail;
pub mod memory;
pub mod metrics;
pub mod open_files;
pub mod row_ids;
pub mod sealed_state;
pub mod text_enum;
pub mod tokens;
pub mod urls;
pub mod vault;
pub mod write_behind;

use std::sync::Arc;

pub use config::Config;
pub use row_ids::{AccountId, ConnectionId, GroupId, UserId};
pub use text_enum::TextEnum;
pub use vestibule_db as database;
pub use vestibule_db::{Clock, Database, Timestamp, Tx, clock, ids, random};

/// The services that every module may use. Cheap to clone: all requests share one allocation.
#[derive(Clone)]
pub struct Kernel(Arc<Services>);

/// The content of [`Kernel`], reached through `Deref`.
pub struct Services {
    /// The configuration the process started with.
    pub config: Config,
    /// The database, read and write.
    pub db: Database,
    /// The only source of time.
    pub clock: Clock,
    /// Encrypts and decrypts secrets that are needed in clear text.
    pub vault: vault::Vault,
    /// Builds absolute links from the configured public address.
    pub urls: urls::Urls,
    /// The only HTTP clients for addresses that administrators enter.
    pub http_clients: http_client::HttpClients,
    /// Looks records up in the DNS.
    pub dns: dns::DnsClient,
    /// Wakes the mail worker. A commit that queued mail notifies it.
    pub mail_wake: Arc<tokio::sync::Notify>,
    /// Collects log rows that are written after the response.
    pub write_behind: Arc<write_behind::WriteBehind>,
}

impl std::ops::Deref for Kernel {
    type Target = Services;
    fn deref(&self) -> &Services {
        &self.0
    }
}

/// Why the kernel could not start. The texts are shown on the console.
#[derive(Debug, thiserror::Error)]
pub enum KernelStartError {
    /// The database could not be opened or migrated.
    #[error("{0}")]
    Database(#[from] database::OpenError),
    /// The master key is missing, unreadable, readable for others, or does not fit the database.
    #[error("{0}")]
    Vault(#[from] vault::Error),
}

impl Kernel {
    /// Opens the database, applies migrations, and loads or creates the keys.
    pub async fn open(config: Config, clock: Clock, urls: urls::Urls) -> Result<Self, KernelStartError> {
        let db = open_database(&config.database, clock.clone()).await?;
        let vault = vault::Vault::open(&config.secrets.master_key_file, &db, &clock).await?;
        let http_clients = http_client::HttpClients::new(&config.outgoing);
        let dns = dns::DnsClient::new(&config.dns);
        Ok(Self(Arc::new(Services {
            config,
            db,
            clock,
            vault,
            urls,
            http_clients,
            dns,
            mail_wake: Arc::default(),
            write_behind: Arc::default(),
        })))
    }
}

/// Opens the database and applies the migrations of the product.
async fn open_database(
    config: &config::DatabaseConfig,
    clock: Clock,
) -> Result<Database, database::OpenError> {
    Database::open(&config.url, config.max_connections, &sqlx::migrate!("./migrations"), clock).await
}
