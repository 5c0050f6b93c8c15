//! Accepts connections and serves requests on them until the server stops.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tower::Service as _;

use super::activity::ConnectionActivity;
use super::body::ObservedBody;
use super::limits::ConnectionLimits;
use super::open_connections::{Client, OpenConnections};
use super::stream::ObservedStream;
use crate::kernel::config::ServerConfig;
use crate::kernel::http::client_network;

/// The limit on the head of a request, in bytes. Its URL may have 64 KiB, as a SAML logout request may need.
const MAX_HEAD: usize = 128 * 1024;
/// How long accepting pauses when it has failed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);
/// How often waiting connections are checked, at most.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);
/// A condition that lasts is logged once in this time.
const WARNED_EVERY: Duration = Duration::from_mins(1);

/// A socket that accepts connections, and what is served on them.
pub(crate) struct Listener {
    socket: TcpListener,
    app: Router,
    server: ServerConfig,
    limits: ConnectionLimits,
}

impl Listener {
    /// Serves `app` on `socket`; `server` says which proxies are trusted.
    pub(crate) fn new(
        socket: TcpListener,
        app: Router,
        server: ServerConfig,
        limits: ConnectionLimits,
    ) -> Self {
        // Otherwise the routes would be built at each request.
        Self { socket, app: app.with_state(()), server, limits }
    }

    /// Accepts and serves connections until `stop` resolves, then finishes the requests in progress.
    /// Dropping the future ends all connections.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { socket, app, server, limits } = self;
        let mut ticks = ticks(&limits);
        let mut open = OpenConnections::new(limits);
        let mut tasks = JoinSet::new();
        let (stopping, running) = watch::channel(());
        let mut warnings = Warnings::default();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = tasks.join_next_with_id() => open.remove(id_of(&ended)),
                _ = ticks.tick() => open.close_overdue(),
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let client = client_of(&server, peer.ip());
                        if open.make_room(client) {
                            let activity = Arc::new(ConnectionActivity::new(client.is_none()));
                            let connection = ClientConnection { stream, peer, activity: activity.clone() };
                            let task = tasks.spawn(connection.serve(app.clone(), stopping.clone()));
                            open.add(client, activity, task);
                        } else {
                            warnings.refused(peer);
                        }
                    }
                    Err(error) if is_of_the_client(&error) => {}
                    Err(error) => {
                        if is_for_want_of_files(&error) {
                            // Each connection that is closed returns a file and its memory.
                            open.close_some();
                        }
                        warnings.not_accepted(&error);
                        tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                    }
                },
            }
        }
        drop(socket);
        drop(running);
        while !tasks.is_empty() {
            tokio::select! {
                Some(ended) = tasks.join_next_with_id() => open.remove(id_of(&ended)),
                _ = ticks.tick() => open.close_overdue(),
            }
        }
    }
}

/// A connection with what is known about it.
struct ClientConnection {
    stream: TcpStream,
    peer: SocketAddr,
    activity: Arc<ConnectionActivity>,
}

impl ClientConnection {
    /// Serves requests until the client or the server closes the connection.
    async fn serve(self, app: Router, stopping: watch::Sender<()>) {
        let Self { stream, peer, activity } = self;
        let stream = TokioIo::new(ObservedStream::new(stream, activity.clone()));
        let service = service_fn(move |mut request: Request<Incoming>| {
            let (mut app, activity) = (app.clone(), activity.clone());
            async move {
                if !activity.begin_request() {
                    // The listener ends this task next.
                    return std::future::pending().await;
                }
                request.extensions_mut().insert(ConnectInfo(peer));
                let response = app.call(request).await;
                response.map(|response| response.map(|body| ObservedBody::new(body, activity)))
            }
        });
        let connection = http1::Builder::new().max_header_size(MAX_HEAD).serve_connection(stream, service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopping.closed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%peer, %error, "a connection ended early");
        }
    }
}

/// Who a connection from `peer` is counted for.
fn client_of(server: &ServerConfig, peer: IpAddr) -> Client {
    let address = peer.to_canonical();
    (!server.trusts(address)).then(|| client_network(address))
}

fn ticks(limits: &ConnectionLimits) -> Interval {
    let shortest = limits.head_timeout.min(limits.idle_timeout);
    let mut ticks = interval((shortest / 10).clamp(Duration::from_millis(1), LOOKED_AT_EVERY));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn id_of(ended: &Result<(tokio::task::Id, ()), tokio::task::JoinError>) -> tokio::task::Id {
    match ended {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}

/// Whether accepting failed because the client has disconnected, which says nothing about this process.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// Whether accepting failed because this process or the system has too many files open, or no memory left.
fn is_for_want_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// When the log was last told of each condition, so that an attack does not fill it.
#[derive(Default)]
struct Warnings {
    last_refused: Option<Instant>,
    last_not_accepted: Option<Instant>,
}

/// Whether a warning that was last given then is due again; if so, it is given now.
fn is_due(last: &mut Option<Instant>) -> bool {
    let is_due = last.is_none_or(|last| last.elapsed() >= WARNED_EVERY);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}

impl Warnings {
    fn refused(&mut self, peer: SocketAddr) {
        metrics::counter!("vestibule_connections_refused_total").increment(1);
        if is_due(&mut self.last_refused) {
            tracing::warn!(
                address = %peer.ip(),
                "a connection was refused: the limit on connections is reached, and all of them have a request \
                 in progress"
            );
        }
    }

    fn not_accepted(&mut self, error: &io::Error) {
        if is_due(&mut self.last_not_accepted) {
            tracing::error!(%error, "connections cannot be accepted; retrying");
        }
    }
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
