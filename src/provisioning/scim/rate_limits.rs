//! Rate limits for each connection, on each node.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::kernel::limiter::LimiterClock;
use crate::kernel::{Clock, ConnectionId};

type ScimRateLimiter =
    RateLimiter<NotKeyed, InMemoryState, LimiterClock, NoOpMiddleware<std::time::Duration>>;

/// The limits of one connection.
struct ConnectionRateLimits {
    per_second: u32,
    requests: ScimRateLimiter,
    /// Limits how many refusals are logged, to one a second.
    refusals: ScimRateLimiter,
}

/// The limits of all connections.
pub(super) struct ScimRateLimits {
    clock: LimiterClock,
    connections: Mutex<HashMap<ConnectionId, Arc<ConnectionRateLimits>>>,
}

/// A refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScimRateLimited {
    /// Seconds until a request is accepted again.
    pub(super) retry_after: u64,
    /// Whether this refusal is logged.
    pub(super) should_log: bool,
}

impl ScimRateLimits {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: LimiterClock::new(clock.clone()), connections: Mutex::default() }
    }

    /// Counts a request of a connection. The limit is `per_second`, with bursts of twice as many.
    pub(super) fn check(&self, connection_id: &ConnectionId, per_second: u32) -> Result<(), ScimRateLimited> {
        let limits = self.limits_of(connection_id, per_second);
        limits.requests.check().map_err(|not_until| ScimRateLimited {
            retry_after: self.clock.seconds_until(not_until.earliest_possible()),
            should_log: limits.refusals.check().is_ok(),
        })
    }

    fn limits_of(&self, connection_id: &ConnectionId, per_second: u32) -> Arc<ConnectionRateLimits> {
        let mut all = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(connection_id).filter(|known| known.per_second == per_second) {
            return known.clone();
        }
        let quota = |rate: u32, burst: u32| {
            let some = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
            Quota::per_second(some(rate)).allow_burst(some(burst))
        };
        let limits = Arc::new(ConnectionRateLimits {
            per_second,
            requests: ScimRateLimiter::direct_with_clock(
                quota(per_second, per_second * 2),
                self.clock.clone(),
            ),
            refusals: ScimRateLimiter::direct_with_clock(quota(1, 1), self.clock.clone()),
        });
        all.insert(connection_id.to_owned(), limits.clone());
        limits
    }
}
