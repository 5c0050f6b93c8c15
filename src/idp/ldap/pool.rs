//! Connections to directories, kept for the next who asks. One that was not used for a while is tried first; one that
//! broke is thrown away; the next server is asked when one cannot be reached.

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

use super::super::connections::{self, Connection, LdapSettings};
use super::error::{Error, within};
use super::person::Place;
use crate::kernel::Kernel;

/// The name of the bind password among the secrets of a connection.
pub const BIND_PASSWORD: &str = "bind_password";
/// Connections to one directory at a time, searching; and as many for the passwords of people.
const SIZE: usize = 8;
/// A connection that was not used for so long is tried before it is used.
const IDLE: Duration = Duration::from_secs(30);
/// How long one waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// The `supportedCapabilities` of Active Directory.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// The pools of all connections.
#[derive(Default)]
pub struct Pools(Mutex<HashMap<String, Arc<Pool>>>);

impl Pools {
    /// The pool of a connection as it is set now.
    pub(super) fn of(&self, connection: &Connection, settings: &LdapSettings) -> Arc<Pool> {
        let is_same = |pool: &&Arc<Pool>| {
            pool.connection.updated_at == connection.updated_at && pool.settings == *settings
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = all.get(&connection.id).filter(is_same) {
            return pool.clone();
        }
        let pool = Arc::new(Pool::new(connection.clone(), settings.clone()));
        all.insert(connection.id.clone(), pool.clone());
        pool
    }
}

/// The connections to a directory.
pub(super) struct Pool {
    pub(super) connection: Connection,
    pub(super) settings: LdapSettings,
    pub(super) places: Vec<Place>,
    searching: Shelf,
    binding: Shelf,
    /// The server that answered last.
    good: AtomicUsize,
}

struct Shelf {
    idle: Mutex<Vec<Link>>,
    places: Arc<Semaphore>,
}

impl Shelf {
    fn new() -> Self {
        Self { idle: Mutex::default(), places: Arc::new(Semaphore::new(SIZE)) }
    }

    fn take(&self) -> Option<Link> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// A connection to one server.
pub(super) struct Link {
    pub(super) ldap: Ldap,
    /// Whether it is Active Directory, or something that behaves like it.
    pub(super) is_active_directory: bool,
    used: Instant,
}

/// A connection that is used now.
pub(super) struct Lent {
    link: Option<Link>,
    pool: Arc<Pool>,
    binds: bool,
    _place: OwnedSemaphorePermit,
}

impl std::ops::Deref for Lent {
    type Target = Link;
    fn deref(&self) -> &Link {
        self.link.as_ref().expect("it is lent")
    }
}

impl std::ops::DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Link {
        self.link.as_mut().expect("it is lent")
    }
}

impl Lent {
    /// Keeps the connection for the next. One that is not given back is closed.
    pub(super) fn give_back(mut self) {
        if let Some(mut link) = self.link.take()
            && !link.ldap.is_closed()
        {
            link.used = Instant::now();
            let shelf = if self.binds { &self.pool.binding } else { &self.pool.searching };
            shelf.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
    }
}

impl Pool {
    fn new(connection: Connection, settings: LdapSettings) -> Self {
        let (searching, binding) = (Shelf::new(), Shelf::new());
        let places = Place::all(&settings);
        Self { connection, settings, places, searching, binding, good: AtomicUsize::new(0) }
    }

    /// The server that answered last.
    pub(super) fn server(&self) -> &str {
        let at = self.good.load(Ordering::Relaxed);
        self.settings.urls.get(at).map_or("", String::as_str)
    }

    pub(super) fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.settings.response_timeout_ms)
    }

    /// A connection that is bound as the bind DN.
    pub(super) async fn search(self: &Arc<Self>, kernel: &Kernel) -> Result<Lent, Error> {
        self.lend(kernel, false).await
    }

    /// A connection to try the password of somebody on.
    pub(super) async fn bind(self: &Arc<Self>, kernel: &Kernel) -> Result<Lent, Error> {
        self.lend(kernel, true).await
    }

    async fn lend(self: &Arc<Self>, kernel: &Kernel, binds: bool) -> Result<Lent, Error> {
        let shelf = if binds { &self.binding } else { &self.searching };
        let place = tokio::time::timeout(PATIENCE, shelf.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)?;
        let mut link = None;
        while let Some(mut kept) = shelf.take() {
            let is_fresh = kept.used.elapsed() < IDLE;
            if !kept.ldap.is_closed()
                && (is_fresh || root(&mut kept.ldap, self.response_timeout()).await.is_ok())
            {
                link = Some(kept);
                break;
            }
        }
        let link = match link {
            Some(link) => link,
            None => self.open(kernel, !binds).await?,
        };
        Ok(Lent { link: Some(link), pool: self.clone(), binds, _place: place })
    }

    /// Opens a connection to the first server that answers, beginning with the one that did so last.
    async fn open(&self, kernel: &Kernel, bound: bool) -> Result<Link, Error> {
        let urls = &self.settings.urls;
        let first = self.good.load(Ordering::Relaxed);
        let mut last = Error::Busy;
        for turn in 0..urls.len() {
            let at = (first + turn) % urls.len();
            match self.open_at(kernel, &urls[at], bound).await {
                Ok(link) => {
                    self.good.store(at, Ordering::Relaxed);
                    return Ok(link);
                }
                // The others would say the same.
                Err(
                    refused @ (Error::Refused { .. }
                    | Error::Vault(_)
                    | Error::Database(_)
                    | Error::Authority),
                ) => {
                    return Err(refused);
                }
                Err(error) => {
                    tracing::warn!(url = urls[at], %error, "a directory's server was not reached");
                    last = match error {
                        unreachable @ Error::Unreachable { .. } => unreachable,
                        error => Error::Unreachable { url: urls[at].clone(), reason: error.to_string() },
                    };
                }
            }
        }
        Err(last)
    }

    /// Opens a connection to one server: the rules for outgoing connections, TLS, the bind DN.
    pub(super) async fn open_at(&self, kernel: &Kernel, url: &str, bound: bool) -> Result<Link, Error> {
        let settings = &self.settings;
        let broken = |reason: String| Error::Unreachable { url: url.to_owned(), reason };
        let parsed = Url::parse(url).map_err(|error| broken(error.to_string()))?;
        let is_ldaps = parsed.scheme() == "ldaps";
        let port = parsed.port().unwrap_or(if is_ldaps { 636 } else { 389 });
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let limit = Duration::from_millis(settings.connect_timeout_ms);
        let encrypted = is_ldaps || settings.start_tls;
        let connecting = kernel.outgoing.connect((host, port), encrypted);
        let stream = tokio::time::timeout(limit, connecting).await;
        let stream =
            stream.map_err(|_| broken(format!("no connection within {} ms", limit.as_millis())))??;
        stream.set_nodelay(true).map_err(|error| broken(error.to_string()))?;
        let stream = stream.into_std().map_err(|error| broken(error.to_string()))?;
        let mut how = LdapConnSettings::new()
            .set_conn_timeout(limit)
            .set_starttls(settings.start_tls && !is_ldaps)
            .set_std_stream(StdStream::Tcp(stream));
        if let Some(pem) = &settings.ca_certificate {
            how = how.set_config(trusting(pem)?);
        }
        let opened = LdapConnAsync::from_url_with_settings(how, &parsed).await;
        let (driver, mut ldap) = opened.map_err(|error| broken(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "a connection to a directory ended");
            }
        });
        let is_active_directory = root(&mut ldap, self.response_timeout()).await?;
        if bound && !settings.bind_dn.is_empty() {
            let password = connections::secret(kernel, &self.connection, BIND_PASSWORD).await?;
            let password = password.unwrap_or_default();
            let answer = ldap.simple_bind(&settings.bind_dn, &password);
            let result = within(self.response_timeout(), answer).await?;
            if result.rc != 0 {
                return Err(result.into());
            }
        }
        Ok(Link { ldap, is_active_directory, used: Instant::now() })
    }
}

/// Asks for the root entry, which everybody may read: whether it is Active Directory's.
async fn root(ldap: &mut Ldap, limit: Duration) -> Result<bool, Error> {
    let search = ldap.search("", Scope::Base, "(objectClass=*)", vec!["supportedCapabilities"]);
    let found = within(limit, search).await?;
    let entries = found.0.into_iter().map(SearchEntry::construct);
    Ok(entries
        .filter_map(|entry| entry.attrs.get("supportedCapabilities").cloned())
        .flatten()
        .any(|capability| capability == ACTIVE_DIRECTORY))
}

/// TLS with these authorities and no others.
fn trusting(pem: &str) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|_| Error::Authority)?).map_err(|_| Error::Authority)?;
    }
    if roots.is_empty() {
        return Err(Error::Authority);
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
