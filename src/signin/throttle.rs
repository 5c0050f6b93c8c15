//! Rate limits on sign-in, in the memory of each node. They slow down guessing; the lockout counts failures
//! exactly.
//!
//! There is no limit on a user alone, because an attacker could then lock the user out by sending many
//! requests. The limit on a user *from one address* makes it slow to lock a user out from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::kernel::http::client_network;
use crate::kernel::limiter::LimiterClock;
use crate::kernel::{Clock, Timestamp};

/// Burst and rate per second of sign-in steps from one address. They are high enough for an office behind
/// one address on a Monday morning; a sign-in takes four steps.
const ADDRESS_BURST: NonZeroU32 = NonZeroU32::new(400).expect("not zero");
const ADDRESS_RATE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Burst of password strength estimates from one address. The page requests them while the user types.
const ESTIMATE_BURST: NonZeroU32 = NonZeroU32::new(200).expect("not zero");
/// After half of the attempts that lock a user, and at least two, one address gets one attempt per period
/// for that user.
const GUESS_PERIOD: Duration = Duration::from_mins(1);

/// The rate limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again in {retry_after} s")]
pub struct Throttled {
    /// Seconds until the next attempt is accepted.
    pub retry_after: u64,
}

type SignInLimiter<K> = RateLimiter<K, DashMapStateStore<K>, LimiterClock, NoOpMiddleware<Duration>>;

/// The rate limits of one node.
pub struct Throttle {
    addresses: SignInLimiter<IpAddr>,
    estimates: SignInLimiter<IpAddr>,
    /// For each address and user: when the attempts so far would have been due at one per period. An
    /// attempt is taken before the check and given back when the password was right, which governor does
    /// not support.
    guesses: Mutex<HashMap<(IpAddr, String), Timestamp>>,
    clock: Clock,
    limiter_clock: LimiterClock,
}

impl Throttle {
    pub(super) fn new(clock: &Clock) -> Self {
        let limiter_clock = LimiterClock::new(clock.clone());
        let per_address = Quota::per_second(ADDRESS_RATE).allow_burst(ADDRESS_BURST);
        let estimates = Quota::per_second(ADDRESS_RATE).allow_burst(ESTIMATE_BURST);
        Self {
            addresses: SignInLimiter::dashmap_with_clock(per_address, limiter_clock.clone()),
            estimates: SignInLimiter::dashmap_with_clock(estimates, limiter_clock.clone()),
            guesses: Mutex::default(),
            clock: clock.clone(),
            limiter_clock,
        }
    }

    /// Counts an attempt on the lockout key `key` from an address, before the password is checked.
    /// `attempts` is the number of failures in a row that locks the user.
    pub fn record_password_attempt(
        &self,
        address: IpAddr,
        key: &str,
        attempts: u32,
    ) -> Result<(), Throttled> {
        let now = self.clock.now();
        let at_once = (attempts / 2).max(2);
        let mut guesses = self.guesses();
        let due = guesses.entry((client_network(address), key.to_owned())).or_insert(now);
        let next = Timestamp(due.0.max(now.0)).plus(GUESS_PERIOD);
        let latest = now.plus(GUESS_PERIOD * at_once);
        if next > latest {
            metrics::counter!("vestibule_sign_ins_throttled_total").increment(1);
            let wait = u64::try_from(next.0 - latest.0).unwrap_or(0);
            return Err(Throttled { retry_after: wait.div_ceil(1000).max(1) });
        }
        *due = next;
        Ok(())
    }

    /// Gives back what [`Throttle::record_password_attempt`] counted, because the password was right.
    pub fn clear_failures(&self, address: IpAddr, key: &str) {
        self.guesses().remove(&(client_network(address), key.to_owned()));
    }

    /// Counts a sign-in step from `address`.
    pub fn check_step(&self, address: IpAddr) -> Result<(), Throttled> {
        self.step(&self.addresses, address)
    }

    /// Counts a password strength estimate for `address`.
    pub fn check_estimate(&self, address: IpAddr) -> Result<(), Throttled> {
        self.step(&self.estimates, address)
    }

    fn step(&self, limiter: &SignInLimiter<IpAddr>, address: IpAddr) -> Result<(), Throttled> {
        limiter.check_key(&client_network(address)).map_err(|not_until| {
            metrics::counter!("vestibule_sign_ins_throttled_total").increment(1);
            Throttled { retry_after: self.limiter_clock.seconds_until(not_until.earliest_possible()) }
        })
    }

    /// Drops idle entries, so that the memory stays small.
    pub fn forget_idle(&self) {
        self.addresses.retain_recent();
        self.estimates.retain_recent();
        let now = self.clock.now();
        self.guesses().retain(|_, due| *due > now);
    }

    fn guesses(&self) -> MutexGuard<'_, HashMap<(IpAddr, String), Timestamp>> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
