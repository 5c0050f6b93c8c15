//! What a connection waits for, and since when.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::limits::ConnectionLimits;

/// What a connection waits for.
#[derive(Debug, Clone, Copy)]
enum Waiting {
    /// For the rest of a request's head.
    ForHead { since: Instant },
    /// For the response, which is ours to give.
    ForResponse,
    /// For the client to read the response. `is_whole` when hyper has all of it, but may not have sent it yet.
    Sending { since: Instant, is_whole: bool },
    /// For the client to send a request.
    ForNextRequest { since: Instant },
    /// For its end: it takes no further request.
    ForEnd,
}

impl Waiting {
    /// Since when the connection waits for the client alone. A response in transfer is a request in progress
    /// until the client has taken nothing of it for as long as a head may take.
    fn since(self, limits: &ConnectionLimits) -> Option<Instant> {
        match self {
            Self::ForHead { since } | Self::ForNextRequest { since } => Some(since),
            Self::Sending { since, .. } => {
                let limit = limits.head_timeout.min(limits.idle_timeout);
                (since.elapsed() >= limit).then_some(since)
            }
            Self::ForResponse | Self::ForEnd => None,
        }
    }
}

/// What one connection waits for, as its stream, its requests and its listener see it.
#[derive(Debug)]
pub(super) struct ConnectionActivity {
    is_proxy: bool,
    waiting: Mutex<Waiting>,
}

impl ConnectionActivity {
    /// Of a connection that was just accepted. A trusted proxy may open it before it needs it.
    pub(super) fn new(is_proxy: bool) -> Self {
        let since = Instant::now();
        let first = if is_proxy { Waiting::ForNextRequest { since } } else { Waiting::ForHead { since } };
        Self { is_proxy, waiting: Mutex::new(first) }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in.
    pub(super) fn bytes_received(&self) {
        let mut waiting = self.waiting();
        if matches!(*waiting, Waiting::ForNextRequest { .. }) {
            *waiting = Waiting::ForHead { since: Instant::now() };
        }
    }

    /// The client took bytes of a response. While it does, what comes in, such as the rest of a body that was
    /// refused, begins no head.
    pub(super) fn bytes_sent(&self) {
        let now = Instant::now();
        match &mut *self.waiting() {
            Waiting::Sending { since, .. } | Waiting::ForNextRequest { since } => *since = now,
            // hyper's own answer to a head that it refuses.
            waiting @ Waiting::ForHead { .. } => *waiting = Waiting::ForNextRequest { since: now },
            Waiting::ForResponse | Waiting::ForEnd => {}
        }
    }

    /// The socket has all bytes that there are so far.
    pub(super) fn bytes_flushed(&self) {
        let mut waiting = self.waiting();
        if matches!(*waiting, Waiting::Sending { is_whole: true, .. }) {
            *waiting = Waiting::ForNextRequest { since: Instant::now() };
        }
    }

    /// The head of a request is complete. Returns false if the connection is being closed.
    pub(super) fn begin_request(&self) -> bool {
        let mut waiting = self.waiting();
        if matches!(*waiting, Waiting::ForEnd) {
            return false;
        }
        *waiting = Waiting::ForResponse;
        true
    }

    /// The head of the response is ready to be sent.
    pub(super) fn begin_response(&self) {
        *self.waiting() = Waiting::Sending { since: Instant::now(), is_whole: false };
    }

    /// The body of the response has ended.
    pub(super) fn end_response(&self) {
        if let Waiting::Sending { is_whole, .. } = &mut *self.waiting() {
            *is_whole = true;
        }
    }

    /// Since when the connection waits for its client; `None` while it has a request in progress.
    pub(super) fn waits_since(&self, limits: &ConnectionLimits) -> Option<Instant> {
        self.waiting().since(limits)
    }

    /// Whether the client has kept it waiting for too long.
    pub(super) fn is_overdue(&self, limits: &ConnectionLimits) -> bool {
        match *self.waiting() {
            Waiting::ForHead { since } => since.elapsed() >= limits.head_timeout,
            Waiting::ForNextRequest { since } if self.is_proxy => {
                since.elapsed() >= limits.proxy_idle_timeout
            }
            Waiting::Sending { since, .. } | Waiting::ForNextRequest { since } => {
                since.elapsed() >= limits.idle_timeout
            }
            Waiting::ForResponse | Waiting::ForEnd => false,
        }
    }

    /// Stops further requests, unless there is one in progress. Returns whether it did.
    pub(super) fn close(&self, limits: &ConnectionLimits) -> bool {
        let mut waiting = self.waiting();
        let is_free = waiting.since(limits).is_some();
        if is_free {
            *waiting = Waiting::ForEnd;
        }
        is_free
    }
}

#[cfg(test)]
#[path = "activity_tests.rs"]
mod tests;
