//! The open connections of a listener, and which of them make room for others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::{AbortHandle, Id};

use super::activity::ConnectionActivity;
use super::limits::ConnectionLimits;

/// At a limit, one in so many of the connections that wait is closed at once, so that not every new
/// connection searches all others.
const CLOSED_AT_ONCE: usize = 16;

/// Who a connection is counted for: an address, or an IPv6 network of one client. `None` is a trusted proxy,
/// which brings the requests of others.
pub(super) type Client = Option<IpAddr>;

/// An open connection.
struct OpenConnection {
    client: Client,
    activity: Arc<ConnectionActivity>,
    task: AbortHandle,
}

/// The open connections of a listener. One that was told to close no longer counts.
pub(super) struct OpenConnections {
    limits: ConnectionLimits,
    by_task: HashMap<Id, OpenConnection>,
    per_client: HashMap<IpAddr, usize>,
}

impl OpenConnections {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, by_task: HashMap::new(), per_client: HashMap::new() }
    }

    /// Whether one more connection of this client may be open. At a limit, the connections that have waited
    /// for their client for longest are closed: those of an attacker wait, and a request takes milliseconds
    /// to arrive.
    pub(super) fn make_room(&mut self, client: Client) -> bool {
        let is_at_share = client
            .and_then(|address| self.per_client.get(&address))
            .is_some_and(|count| *count >= self.limits.per_address);
        if is_at_share && !self.close_longest_waiting(|open| open.client == client) {
            return false;
        }
        self.by_task.len() < self.limits.connections || self.close_longest_waiting(|_| true)
    }

    pub(super) fn add(&mut self, client: Client, activity: Arc<ConnectionActivity>, task: AbortHandle) {
        if let Some(address) = client {
            *self.per_client.entry(address).or_default() += 1;
        }
        self.by_task.insert(task.id(), OpenConnection { client, activity, task });
    }

    /// Forgets a connection that has ended.
    pub(super) fn remove(&mut self, id: Id) {
        let Some(OpenConnection { client: Some(address), .. }) = self.by_task.remove(&id) else { return };
        if let Some(count) = self.per_client.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.per_client.remove(&address);
            }
        }
    }

    /// Closes connections whose client has kept them waiting for too long.
    pub(super) fn close_overdue(&mut self) {
        let is_overdue = |open: &OpenConnection| open.activity.is_overdue(&self.limits);
        let overdue: Vec<Id> =
            self.by_task.iter().filter(|(_, open)| is_overdue(open)).map(|(id, _)| *id).collect();
        for id in overdue {
            self.close(id, "timeout");
        }
    }

    /// Closes some of the connections that have waited for longest.
    pub(super) fn close_some(&mut self) {
        self.close_longest_waiting(|_| true);
    }

    fn close_longest_waiting(&mut self, is_candidate: impl Fn(&OpenConnection) -> bool) -> bool {
        let candidates = self.by_task.iter().filter(|(_, open)| is_candidate(open));
        let mut waiting: Vec<(bool, Instant, Id)> = candidates
            .filter_map(|(id, open)| {
                Some((open.client.is_none(), open.activity.waits_since(&self.limits)?, *id))
            })
            .collect();
        waiting.sort_unstable();
        let enough = waiting.len().div_ceil(CLOSED_AT_ONCE);
        // Those of trusted proxies last, when there are no others: everybody's requests come through them.
        let are_proxies = waiting.first().is_some_and(|(is_proxy, _, _)| *is_proxy);
        let mut has_closed = false;
        for (is_proxy, _, id) in waiting.into_iter().take(enough) {
            if is_proxy != are_proxies {
                break;
            }
            has_closed |= self.close(id, "limit");
        }
        has_closed
    }

    /// Closes a connection, unless it has a request in progress.
    fn close(&mut self, id: Id, reason: &'static str) -> bool {
        let Some(open) = self.by_task.get(&id).filter(|open| open.activity.close(&self.limits)) else {
            return false;
        };
        open.task.abort();
        metrics::counter!("vestibule_connections_closed_total", "reason" => reason).increment(1);
        self.remove(id);
        true
    }
}

#[cfg(test)]
#[path = "open_connections_tests.rs"]
mod tests;
