//! Rate limits on sign-in: per client address and per identifier, in the memory of each node.
//! They slow guessing down; counting failures exactly is the lockout's work.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Reference;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::directory::fold;
use crate::kernel;

/// Steps from one address: this many at once, then so many a second. Wide enough for an office behind
/// one address on a Monday morning (a sign-in takes four steps); what keeps a password from being
/// guessed is the limit on the identifier.
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::new(400).expect("not zero");
const ADDRESS_RATE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Attempts for one identifier: this many at once, then one in six seconds.
const IDENTIFIER_BURST: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
const IDENTIFIER_PERIOD: Duration = Duration::from_secs(6);

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {retry_after} s")]
pub struct Throttled {
    /// Seconds until the next attempt is heard.
    pub retry_after: u64,
}

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, KernelClock, NoOpMiddleware<Duration>>;

/// The limits of one node.
pub struct Throttle {
    addresses: Limiter<IpAddr>,
    identifiers: Limiter<String>,
    clock: KernelClock,
}

impl Throttle {
    pub(super) fn new(clock: &kernel::Clock) -> Self {
        let clock = KernelClock(clock.clone());
        let per_identifier =
            Quota::with_period(IDENTIFIER_PERIOD).expect("not zero").allow_burst(IDENTIFIER_BURST);
        let per_address = Quota::per_second(ADDRESS_RATE).allow_burst(ADDRESS_BURST);
        Self {
            addresses: Limiter::dashmap_with_clock(per_address, clock.clone()),
            identifiers: Limiter::dashmap_with_clock(per_identifier, clock.clone()),
            clock,
        }
    }

    /// Counts an attempt to sign in as `identifier` from `address`.
    ///
    /// # Errors
    /// [`Throttled`] when either has had too many.
    pub fn attempt(&self, address: IpAddr, identifier: &str) -> Result<(), Throttled> {
        self.address(address)?;
        let identifier = fold(identifier);
        self.identifiers.check_key(&identifier).map_err(|not_until| self.wait(not_until.earliest_possible()))
    }

    /// Counts a step of a sign-in from `address` that names nobody yet.
    ///
    /// # Errors
    /// [`Throttled`] when there were too many.
    pub fn address(&self, address: IpAddr) -> Result<(), Throttled> {
        // An attacker has a whole /64 of IPv6 addresses; they count as one.
        let network = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
        };
        self.addresses.check_key(&network).map_err(|not_until| self.wait(not_until.earliest_possible()))
    }

    /// Forgets who has been quiet, so that the memory stays small.
    pub fn forget_idle(&self) {
        self.addresses.retain_recent();
        self.identifiers.retain_recent();
    }

    fn wait(&self, until: Duration) -> Throttled {
        let wait = until.saturating_sub(governor::clock::Clock::now(&self.clock));
        Throttled { retry_after: wait.as_secs() + 1 }
    }
}

/// The kernel's clock in governor's terms: time since 1970.
#[derive(Clone)]
struct KernelClock(kernel::Clock);

impl governor::clock::Clock for KernelClock {
    type Instant = Duration;
    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.now().0).unwrap_or(0))
    }
}

// `Duration` stands for a moment in governor's clock; this line fails to compile should that end.
const _: fn() = || {
    fn is_reference<T: Reference>() {}
    is_reference::<Duration>();
};

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
