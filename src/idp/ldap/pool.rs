//! Pools of connections to directories. A connection that was idle for a while is probed before it is used
//! again, a broken one is discarded, and if a server cannot be reached, the next one is tried.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry, StdStream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::error::{Error, with_timeout};
use super::model::UserSearch;
use crate::idp::connections::{self, LdapConnection};
use crate::kernel::{ConnectionId, Kernel, http_client};

/// The name of the bind password among the connection's secrets.
pub const BIND_PASSWORD: &str = "bind_password";
/// The limit on connections for searches to one directory, and separately on connections for binds as
/// users.
const SIZE: usize = 8;
/// After this idle time, a connection is probed before it is used.
const PROBE_AFTER_IDLE: Duration = Duration::from_secs(30);
/// How long to wait for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// The value of `supportedCapabilities` that identifies Active Directory.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// The pools of all connections.
#[derive(Default)]
pub struct LdapPools(Mutex<HashMap<ConnectionId, Arc<LdapPool>>>);

impl LdapPools {
    /// The pool for the connection's current settings. A change of the connection leads to a new pool.
    pub(super) fn pool_for(&self, connection: &LdapConnection) -> Arc<LdapPool> {
        let is_same = |pool: &&Arc<LdapPool>| {
            pool.connection.updated_at == connection.updated_at
                && pool.connection.settings == connection.settings
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = all.get(&connection.id).filter(is_same) {
            return pool.clone();
        }
        let pool = Arc::new(LdapPool::new(connection.clone()));
        all.insert(connection.id.clone(), pool.clone());
        pool
    }
}

/// The open connections to one directory.
pub(super) struct LdapPool {
    pub(super) connection: LdapConnection,
    pub(super) user_searches: Vec<UserSearch>,
    search_conns: IdleConns,
    bind_conns: IdleConns,
    /// The index of the server to which a connection was last opened.
    last_good_url: AtomicUsize,
}

struct IdleConns {
    idle: Mutex<Vec<LdapConn>>,
    permits: Arc<Semaphore>,
}

impl IdleConns {
    fn new() -> Self {
        Self { idle: Mutex::default(), permits: Arc::new(Semaphore::new(SIZE)) }
    }

    fn pop(&self) -> Option<LdapConn> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A connection to one server.
pub(super) struct LdapConn {
    pub(super) ldap: Ldap,
    /// Whether the server is Active Directory or claims to be compatible with it.
    pub(super) is_active_directory: bool,
    last_used: Instant,
}

/// A connection in use.
pub(super) struct PooledLdapConn {
    conn: Option<LdapConn>,
    pool: Arc<LdapPool>,
    is_for_bind: bool,
    _permit: OwnedSemaphorePermit,
}

impl std::ops::Deref for PooledLdapConn {
    type Target = LdapConn;
    fn deref(&self) -> &LdapConn {
        self.conn.as_ref().expect("it is lent")
    }
}

impl std::ops::DerefMut for PooledLdapConn {
    fn deref_mut(&mut self) -> &mut LdapConn {
        self.conn.as_mut().expect("it is lent")
    }
}

impl PooledLdapConn {
    /// Returns the connection to the pool. A connection that is dropped instead is closed.
    pub(super) fn return_to_pool(mut self) {
        if let Some(mut conn) = self.conn.take()
            && !conn.ldap.is_closed()
        {
            conn.last_used = Instant::now();
            let conns = if self.is_for_bind { &self.pool.bind_conns } else { &self.pool.search_conns };
            conns.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}

impl LdapPool {
    fn new(connection: LdapConnection) -> Self {
        let (search_conns, bind_conns) = (IdleConns::new(), IdleConns::new());
        let user_searches = UserSearch::all(&connection.settings);
        Self { connection, user_searches, search_conns, bind_conns, last_good_url: AtomicUsize::new(0) }
    }

    /// The server to which a connection was last opened.
    pub(super) fn server(&self) -> &str {
        let at = self.last_good_url.load(Ordering::Relaxed);
        self.connection.settings.urls.get(at).map_or("", String::as_str)
    }

    pub(super) fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.connection.settings.response_timeout_ms)
    }

    /// A connection that is bound as the bind DN.
    pub(super) async fn acquire_for_search(
        self: &Arc<Self>,
        kernel: &Kernel,
    ) -> Result<PooledLdapConn, Error> {
        self.acquire(kernel, false).await
    }

    /// A connection for checking a user's password by a bind.
    pub(super) async fn acquire_for_bind(self: &Arc<Self>, kernel: &Kernel) -> Result<PooledLdapConn, Error> {
        self.acquire(kernel, true).await
    }

    async fn acquire(self: &Arc<Self>, kernel: &Kernel, is_for_bind: bool) -> Result<PooledLdapConn, Error> {
        let conns = if is_for_bind { &self.bind_conns } else { &self.search_conns };
        let permit = tokio::time::timeout(ACQUIRE_TIMEOUT, conns.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| Error::PoolExhausted)?.map_err(|_| Error::PoolExhausted)?;
        let mut conn = None;
        while let Some(mut kept) = conns.pop() {
            let is_fresh = kept.last_used.elapsed() < PROBE_AFTER_IDLE;
            if !kept.ldap.is_closed()
                && (is_fresh || probe_root_dse(&mut kept.ldap, self.response_timeout()).await.is_ok())
            {
                conn = Some(kept);
                break;
            }
        }
        let conn = match conn {
            Some(conn) => conn,
            None => self.connect(kernel, !is_for_bind).await?,
        };
        Ok(PooledLdapConn { conn: Some(conn), pool: self.clone(), is_for_bind, _permit: permit })
    }

    /// Opens a connection to the first server that can be reached, starting with the last good one.
    async fn connect(&self, kernel: &Kernel, bound: bool) -> Result<LdapConn, Error> {
        let urls = &self.connection.settings.urls;
        let first = self.last_good_url.load(Ordering::Relaxed);
        let mut last = Error::PoolExhausted;
        for turn in 0..urls.len() {
            let at = (first + turn) % urls.len();
            match self.connect_to(kernel, &urls[at], bound).await {
                Ok(conn) => {
                    self.last_good_url.store(at, Ordering::Relaxed);
                    return Ok(conn);
                }
                // The other servers would give the same error.
                Err(
                    refused @ (Error::Refused { .. }
                    | Error::Vault(_)
                    | Error::Database(_)
                    | Error::InvalidCaCertificate),
                ) => {
                    return Err(refused);
                }
                Err(error) => {
                    let cause = error.cause();
                    tracing::warn!(url = urls[at], %cause, "could not connect to a directory server");
                    last = if error.is_unreachable() {
                        error
                    } else {
                        let error = http_client::Error::of_text(cause);
                        Error::Unreachable { url: urls[at].clone(), error }
                    };
                }
            }
        }
        Err(last)
    }

    /// Opens a connection to one server, under the rules for outgoing connections, with TLS as configured.
    /// With `bound`, it binds as the bind DN.
    pub(super) async fn connect_to(
        &self,
        kernel: &Kernel,
        url: &str,
        bound: bool,
    ) -> Result<LdapConn, Error> {
        let settings = &self.connection.settings;
        let unreachable = |error| Error::Unreachable { url: url.to_owned(), error };
        let broken = |cause: String| unreachable(http_client::Error::of_text(cause));
        let parsed = Url::parse(url).map_err(|error| broken(error.to_string()))?;
        let is_ldaps = parsed.scheme() == "ldaps";
        let port = parsed.port().unwrap_or(if is_ldaps { 636 } else { 389 });
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let limit = Duration::from_millis(settings.connect_timeout_ms);
        let encrypted = is_ldaps || settings.start_tls;
        let http = self.connection.http_client(kernel);
        let stream = tokio::time::timeout(limit, http.connect(host, port, encrypted)).await;
        let stream =
            stream.map_err(|_| broken(format!("could not connect within {} ms", limit.as_millis())))?;
        let stream = stream.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(|error| broken(error.to_string()))?;
        let stream = stream.into_std().map_err(|error| broken(error.to_string()))?;
        let mut how = LdapConnSettings::new()
            .set_conn_timeout(limit)
            .set_starttls(settings.start_tls && !is_ldaps)
            .set_std_stream(StdStream::Tcp(stream));
        if let Some(pem) = &settings.ca_certificate {
            how = how.set_config(tls_config(pem)?);
        }
        let opened = LdapConnAsync::from_url_with_settings(how, &parsed).await;
        let (driver, mut ldap) = opened.map_err(|error| broken(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "a connection to a directory server was closed");
            }
        });
        // Whatever answers there and is no directory reads like one that does not answer.
        let is_active_directory = probe_root_dse(&mut ldap, self.response_timeout())
            .await
            .map_err(|error| broken(error.to_string()))?;
        if bound && !settings.bind_dn.is_empty() {
            let password = connections::secret(kernel, &self.connection, BIND_PASSWORD).await?;
            let password = password.unwrap_or_default();
            let answer = ldap.simple_bind(&settings.bind_dn, &password);
            let result = with_timeout(self.response_timeout(), answer).await?;
            if result.rc != 0 {
                return Err(result.into());
            }
        }
        Ok(LdapConn { ldap, is_active_directory, last_used: Instant::now() })
    }
}

/// Reads the root DSE, which needs no authentication, and returns whether the server is Active Directory.
async fn probe_root_dse(ldap: &mut Ldap, limit: Duration) -> Result<bool, Error> {
    let search = ldap.search("", Scope::Base, "(objectClass=*)", vec!["supportedCapabilities"]);
    let found = with_timeout(limit, search).await?;
    let entries = found.0.into_iter().map(SearchEntry::construct);
    Ok(entries
        .filter_map(|entry| entry.attrs.get("supportedCapabilities").cloned())
        .flatten()
        .any(|capability| capability == ACTIVE_DIRECTORY))
}

/// A TLS configuration that trusts only these certificate authorities.
fn tls_config(pem: &str) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots
            .add(certificate.map_err(|_| Error::InvalidCaCertificate)?)
            .map_err(|_| Error::InvalidCaCertificate)?;
    }
    if roots.is_empty() {
        return Err(Error::InvalidCaCertificate);
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
