//! How many connections may be open, and how long a client may keep one waiting.

use std::time::Duration;

use crate::kernel::open_files;

/// The most connections, however many files may be open: a connection takes about 14 KiB.
const MAX_CONNECTIONS: usize = 8_192;
/// The most connections of one address, and the share of all connections that they may take.
const MAX_PER_ADDRESS: usize = 1_024;
const SHARE_OF_AN_ADDRESS: usize = 8;
/// Open files that are left for everything but connections of clients: outgoing requests, mail, files.
const RESERVED_FILES: u64 = 192;
/// Files of a database connection: the database and its log on SQLite, a socket on PostgreSQL.
const FILES_PER_DATABASE_CONNECTION: u64 = 4;
/// Connections to the metrics, which are for a few monitoring systems.
const MAX_METRICS_CONNECTIONS: usize = 64;

/// The limits of one listener.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections that may be open at once.
    pub connections: usize,
    /// Connections from one address. Trusted proxies are exempt, because all clients come from there.
    pub per_address: usize,
    /// From a connection's start, or the first byte of a further request, until the request's head is
    /// complete. Any client that is there sends it at once.
    pub head_timeout: Duration,
    /// Between the last byte of a response that the client takes and its next request, and while it takes
    /// nothing of a response.
    pub idle_timeout: Duration,
    /// Between two requests of a trusted proxy, and before its first one. A connection that is closed while a
    /// request is on its way costs a failed request, so the proxy must close its side first: Envoy, the
    /// slowest of them, does so after an hour.
    pub proxy_idle_timeout: Duration,
}

impl ConnectionLimits {
    /// The limits of the public listener of a process that may have `open_files` open, with so many
    /// connections to its database.
    #[must_use]
    pub fn new(open_files: u64, database_connections: u32) -> Self {
        let reserved = RESERVED_FILES + FILES_PER_DATABASE_CONNECTION * u64::from(database_connections);
        // A very low limit is shared in halves.
        let left = open_files.saturating_sub(reserved).max(open_files / 2);
        let connections = usize::try_from(left).unwrap_or(MAX_CONNECTIONS).clamp(1, MAX_CONNECTIONS);
        Self {
            connections,
            per_address: (connections / SHARE_OF_AN_ADDRESS).clamp(1, MAX_PER_ADDRESS),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            proxy_idle_timeout: Duration::from_mins(61),
        }
    }

    /// The limits of the public listener of this process.
    pub(crate) fn of_process(database_connections: u32) -> Self {
        Self::new(open_files::limit(), database_connections)
    }

    /// The limits of the metrics listener beside a public one with these limits.
    pub(crate) fn for_metrics(&self) -> Self {
        Self { connections: MAX_METRICS_CONNECTIONS, per_address: MAX_METRICS_CONNECTIONS, ..self.clone() }
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
