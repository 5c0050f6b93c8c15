//! Rate limits by the kernel's clock, so that tests can move it.

use std::time::Duration;

use governor::clock::Reference;

use super::Clock;

/// The kernel's clock in governor's terms: time since 1970.
#[derive(Clone)]
pub struct LimiterClock(Clock);

impl LimiterClock {
    /// The same clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(clock)
    }

    /// Seconds until `until`, rounded up: for `Retry-After`.
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

// `Duration` stands for a moment in governor's clock; this line fails to compile should that end.
const _: fn() = || {
    fn is_reference<T: Reference>() {}
    is_reference::<Duration>();
};
