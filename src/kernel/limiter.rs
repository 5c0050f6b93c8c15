//! Connects the governor crate's rate limits to the kernel's clock, so that tests can move their time.

use std::time::Duration;

use governor::clock::Reference;

use super::Clock;

/// The kernel's clock as governor sees it: the time since 1970.
#[derive(Clone)]
pub struct LimiterClock(Clock);

impl LimiterClock {
    /// Wraps the kernel's clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(clock)
    }

    /// Seconds until `until`, rounded up, for `Retry-After`.
    #[must_use]
    pub fn seconds_until(&self, until: Duration) -> u64 {
        until.saturating_sub(governor::clock::Clock::now(self)).as_secs() + 1
    }
}

impl governor::clock::Clock for LimiterClock {
    type Instant = Duration;
    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.now().0).unwrap_or(0))
    }
}

// `Duration` serves as governor's instant type; this line fails to compile if governor no longer implements
// that.
const _: fn() = || {
    fn is_reference<T: Reference>() {}
    is_reference::<Duration>();
};
