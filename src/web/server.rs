//! The HTTP server: startup, background jobs, and a graceful shutdown that finishes current requests.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

use super::listener::{ConnectionLimits, Listener};
use super::{AppState, error, guard, health, middleware, routes};
use crate::admin;
use crate::apps::{forward_auth, signing_keys};
use crate::directory::domains;
use crate::idp::{Idp, connection_tests, ldap, saml};
use crate::kernel::jobs::{Jobs, Shutdown};
use crate::kernel::urls::Urls;
use crate::kernel::{self, Clock, Config, Kernel, mail, open_files, write_behind};
use crate::provisioning::{self, scim};
use crate::signin::{SignIn, factors, identities, password};

/// The limit on request bodies, in bytes: enough for a SAML response or a pasted metadata document.
const MAX_BODY: usize = 1024 * 1024;
/// How long requests may still run after shutdown has begun.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
const CLEAN_UP_EVERY: Duration = Duration::from_mins(1);
const SESSION_ACTIVITY_EVERY: Duration = Duration::from_secs(1);
const WARN_EVERY: Duration = Duration::from_mins(15);
const SYNC_EVERY: Duration = Duration::from_secs(1);
const REFRESH_EVERY: Duration = Duration::from_secs(30);
const MAILINGS_EVERY: Duration = Duration::from_millis(500);

/// A server that has bound its address and opened its kernel, but does not serve yet.
pub struct HttpServer {
    socket: TcpListener,
    metrics_socket: Option<TcpListener>,
    app: AppState,
    address: SocketAddr,
    limits: ConnectionLimits,
}

/// Why the server could not start. The texts are shown on the console.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is in use or does not belong to this machine.
    #[error("{0}: cannot listen on {1}: {2}")]
    Listen(&'static str, SocketAddr, #[source] std::io::Error),
    /// The database or the keys could not be opened.
    #[error(transparent)]
    Kernel(#[from] kernel::KernelStartError),
    /// The `[mail]` section is not valid.
    #[error("{0}")]
    Mail(#[from] mail::TransportError),
    /// Keys of SAML connections could not be migrated to this version's format.
    #[error("the keys of SAML connections could not be migrated: {0}")]
    Keys(String),
    /// The domains that connections listed before the upgrade could not be migrated.
    #[error("the email domains of connections could not be migrated: {0}")]
    Domains(#[source] sqlx::Error),
    /// The configuration is unsafe.
    #[error("{0}")]
    Unsafe(&'static str),
}

impl HttpServer {
    /// Binds the address and opens the database and the keys.
    ///
    /// # Panics
    ///
    /// Never: a socket address always forms a valid URL.
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, ServerError> {
        let wanted = config.server.listen;
        let socket = listen("server.listen", wanted).await?;
        let address = socket.local_addr().map_err(|e| ServerError::Listen("server.listen", wanted, e))?;
        let public = match &config.server.public_url {
            Some(url) => url.clone(),
            None if address.ip().is_unspecified() => {
                return Err(ServerError::Unsafe(
                    "server.public_url: required because server.listen is a wildcard address; links in \
                     emails and redirects use this URL. Example: public_url = \"https://id.example.com\"",
                ));
            }
            None => Url::parse(&format!("http://{address}")).expect("an address makes a URL"),
        };
        if public.scheme() == "http" && !is_loopback(&public) {
            tracing::warn!(
                %public,
                "server.public_url does not use https, so session cookies are sent unencrypted"
            );
        }
        let metrics_socket = match config.metrics.listen {
            Some(wanted) => Some(listen_for_metrics(wanted).await?),
            None => None,
        };
        let files = open_files::limit();
        if files < open_files::RECOMMENDED_LIMIT {
            tracing::warn!(
                limit = files,
                recommended = open_files::RECOMMENDED_LIMIT,
                "the limit on open files is low, which also limits connections; raise it, with \
                 LimitNOFILE in a systemd unit"
            );
        }
        let limits = ConnectionLimits::of_process(config.database.max_connections);
        let kernel = Kernel::open(config, clock, Urls::new(&public)).await?;
        saml::keys::migrate_legacy_keys(&kernel)
            .await
            .map_err(|error| ServerError::Keys(error.to_string()))?;
        begin_domain_grace(&kernel).await.map_err(ServerError::Domains)?;
        Ok(Self { socket, metrics_socket, app: AppState::new(kernel), address, limits })
    }

    /// Replaces the limits on connections, for tests.
    #[must_use]
    pub fn with_limits(self, limits: ConnectionLimits) -> Self {
        Self { limits, ..self }
    }

    /// The address it listens on, with the actual port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the metrics listener, with the actual port.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_socket.as_ref().and_then(|socket| socket.local_addr().ok())
    }

    /// The services, for setup and tests.
    #[must_use]
    pub fn app(&self) -> &AppState {
        &self.app
    }

    /// Serves until `stop` resolves, then finishes current requests and closes the database.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { socket, metrics_socket, app, limits, .. } = self;
        let transport = mail::Transport::new(&app.kernel.config.mail)?;
        kernel::metrics::handle();
        let mut jobs = Jobs::default();
        jobs.spawn(kernel::metrics::run);
        jobs.spawn(|shutdown| mail::run(app.kernel.clone(), transport, shutdown));
        jobs.spawn(|shutdown| {
            write_behind::run(app.kernel.write_behind.clone(), app.kernel.db.clone(), shutdown)
        });
        jobs.spawn(|shutdown| clean_up(app.clone(), shutdown));
        jobs.spawn(|shutdown| flush_session_activity(app.signin.clone(), shutdown));
        jobs.spawn(|shutdown| warn_of_ending_passwords(app.kernel.clone(), shutdown));
        jobs.spawn(|shutdown| send_mailings(app.kernel.clone(), shutdown));
        jobs.spawn(|shutdown| send_welcome_mails(app.kernel.clone(), shutdown));
        jobs.spawn(|shutdown| refresh_metadata(app.kernel.clone(), shutdown));
        jobs.spawn(|shutdown| check_domains(app.kernel.clone(), shutdown));
        jobs.spawn(|shutdown| run_group_syncs(app.idp.clone(), shutdown));
        jobs.spawn(|shutdown| rotate_signing_keys(app.kernel.clone(), shutdown));
        let server = &app.kernel.config.server;
        if let Some(socket) = metrics_socket {
            let limits = limits.for_metrics();
            let listener = Listener::new(socket, health::metrics_router(), server.clone(), limits);
            jobs.spawn(|shutdown| serve_metrics(listener, shutdown));
        }
        let listener = Listener::new(socket, router(&app), server.clone(), limits);
        let mut down = jobs.shutdown();
        let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
        let serve = listener.serve(async move {
            stop.await;
            drop(stopping);
        });
        let forced = async move {
            // The sender is dropped when shutdown begins, which ends this wait with an error.
            let _ = stopped.await;
            down.begins_within(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            () = serve => {}
            () = forced => tracing::warn!("some requests did not finish before the shutdown timeout"),
        }
        jobs.stop().await;
        app.kernel.db.close().await;
        Ok(())
    }
}

async fn listen(key: &'static str, address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|error| ServerError::Listen(key, address, error))
}

async fn listen_for_metrics(address: SocketAddr) -> Result<TcpListener, ServerError> {
    if address.ip().is_unspecified() {
        // Not refused: in a container, there is often no other address that is known in advance.
        tracing::warn!(
            %address,
            "metrics.listen is a wildcard address: everyone who reaches this port can read the metrics, which \
             need no authentication; restrict it with a firewall or the container's network"
        );
    }
    listen("metrics.listen", address).await
}

/// Serves metrics until shutdown. A scrape in progress is not waited for.
async fn serve_metrics(listener: Listener, mut shutdown: Shutdown) {
    tokio::select! {
        () = listener.serve(std::future::pending()) => {}
        () = shutdown.wait() => {}
    }
}

/// Lets the domains that connections listed before the upgrade count for a while without a proof, and the
/// connections link users who used them.
async fn begin_domain_grace(kernel: &Kernel) -> Result<(), sqlx::Error> {
    let mut tx = kernel.db.begin().await?;
    domains::begin_grace(&mut tx).await?;
    let until = tx.now().plus(domains::GRACE);
    identities::begin_address_grace(&mut tx, until).await?;
    tx.commit().await
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn router(app: &AppState) -> Router {
    // From the outside in, as one tuple: each call of `layer` would cost an allocation per request.
    let around = (
        from_fn_with_state(app.clone(), middleware::process_request),
        DefaultBodyLimit::max(MAX_BODY),
        CatchPanicLayer::new(),
    );
    routes(app)
        .into_router(|guard, handler| guard::protect(app, guard, handler))
        .fallback(|| async { error::status_refusal(StatusCode::NOT_FOUND) })
        .layer(around)
}

/// Records which sessions were used, once a second and at shutdown.
async fn flush_session_activity(signin: SignIn, mut shutdown: Shutdown) {
    let mut down = false;
    while !down {
        down = shutdown.begins_within(SESSION_ACTIVITY_EVERY).await;
        if let Err(error) = signin.session_activity.write(&signin.kernel).await {
            tracing::warn!(%error, "session activity could not be saved; retrying");
        }
    }
}

/// Mails users before their password expires.
async fn warn_of_ending_passwords(kernel: Kernel, mut shutdown: Shutdown) {
    loop {
        if let Err(error) = password::mail_expiry_warnings(&kernel).await {
            tracing::warn!(%error, "password expiry emails could not be queued; retrying");
        }
        if shutdown.begins_within(WARN_EVERY).await {
            return;
        }
    }
}

/// Queues the mails of mailings, batch by batch.
async fn send_mailings(kernel: Kernel, mut shutdown: Shutdown) {
    loop {
        let busy = factors::queue_next_batches(&kernel).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the next emails of a mailing could not be queued; retrying");
            false
        });
        let pause = if busy { Duration::ZERO } else { MAILINGS_EVERY };
        if shutdown.begins_within(pause).await {
            return;
        }
    }
}

/// Sends welcome mails, one batch every half second, so that the mail server and sign-ins are not slowed
/// down.
async fn send_welcome_mails(kernel: Kernel, mut shutdown: Shutdown) {
    while !shutdown.begins_within(MAILINGS_EVERY).await {
        if let Err(error) = provisioning::send_welcome_emails(&kernel).await {
            tracing::warn!(%error, "welcome emails could not be queued; retrying");
        }
    }
}

/// Runs directory syncs that are due.
async fn run_group_syncs(idp: Idp, mut shutdown: Shutdown) {
    loop {
        let busy = tokio::select! {
            done = ldap::sync::run_due(&idp) => done.unwrap_or_else(|error| {
                tracing::warn!(%error, "a directory sync could not be run; retrying");
                false
            }),
            // The work done so far is kept, and another node or the next start of this one continues it.
            () = shutdown.wait() => return,
        };
        let pause = if busy { Duration::ZERO } else { SYNC_EVERY };
        if shutdown.begins_within(pause).await {
            return;
        }
    }
}

/// Refreshes the metadata of identity providers when it is due.
async fn refresh_metadata(kernel: Kernel, mut shutdown: Shutdown) {
    loop {
        let busy = saml::metadata_refresh::refresh_one(&kernel).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "identity provider metadata could not be refreshed; retrying");
            false
        });
        let pause = if busy { Duration::ZERO } else { REFRESH_EVERY };
        if shutdown.begins_within(pause).await {
            return;
        }
    }
}

/// Looks up the records of verified domains when it is due.
async fn check_domains(kernel: Kernel, mut shutdown: Shutdown) {
    loop {
        let busy = admin::domains::check_next_due(&kernel).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the record of a domain could not be checked; retrying");
            false
        });
        let pause = if busy { Duration::ZERO } else { REFRESH_EVERY };
        if shutdown.begins_within(pause).await {
            return;
        }
    }
}

/// Rotates signing keys when it is time.
async fn rotate_signing_keys(kernel: Kernel, mut shutdown: Shutdown) {
    while !shutdown.begins_within(CLEAN_UP_EVERY).await {
        if let Err(error) = signing_keys::rotate_due(&kernel).await {
            tracing::warn!(%error, "signing keys could not be rotated; retrying in one minute");
        }
    }
}

/// Deletes expired rows.
async fn clean_up(app: AppState, mut shutdown: Shutdown) {
    while !shutdown.begins_within(CLEAN_UP_EVERY).await {
        let cleaned = async {
            app.signin.clean_up().await?;
            let mut tx = app.kernel.db.begin().await?;
            saml::delete_expired(&mut tx).await?;
            connection_tests::delete_expired(&mut tx).await?;
            mail::delete_old(&mut tx).await?;
            forward_auth::delete_ended(&mut tx).await?;
            tx.commit().await?;
            // Strangers decide when these rows are written, so no other deletion waits for them.
            let mut tx = app.kernel.db.begin().await?;
            forward_auth::forget_untrusted_proxies(&mut tx).await?;
            tx.commit().await?;
            while scim::request_log::delete_expired(&app.kernel.db, app.kernel.clock.now()).await? {}
            Ok::<_, sqlx::Error>(())
        };
        if let Err(error) = cleaned.await {
            tracing::warn!(%error, "expired data could not be deleted; retrying in one minute");
        }
    }
}
