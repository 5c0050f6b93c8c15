//! How fast passwords are hashed, and how many callers may wait.

use std::time::{Duration, Instant};

/// About the longest time that a caller waits for a thread.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The assumed duration of a hash until one was measured. It is several times the usual one, because the
/// server may start on a busy machine. If a hash took 25 times as long, the queue would still end within the
/// time limit of a request.
const ASSUMED_TIME: Duration = Duration::from_millis(100);

/// The least that a hash is assumed to take. Imported hashes may take far less than ours; an average of theirs
/// would admit more callers than can be served.
const SHORTEST_TIME: Duration = Duration::from_millis(5);

/// How long hashes have taken recently, which determines how many callers may wait.
#[derive(Default)]
pub(super) struct Pace {
    /// `None` until a hash was measured.
    average: Option<Duration>,
    /// When the hashes in progress began.
    under_way: Vec<Instant>,
}

impl Pace {
    pub(super) fn begin(&mut self, now: Instant) {
        self.under_way.push(now);
    }

    pub(super) fn end(&mut self, begun: Instant, now: Instant) {
        if let Some(at) = self.under_way.iter().position(|other| *other == begun) {
            self.under_way.swap_remove(at);
        }
        self.average = Some(self.average_with(now - begun));
    }

    /// A moving average over about eight hashes.
    fn average_with(&self, took: Duration) -> Duration {
        let took = took.max(SHORTEST_TIME);
        self.average.map_or(took, |average| (average * 7 + took) / 8)
    }

    /// The number of permits: one for each of the `threads`, and as many more as they serve in
    /// [`LONGEST_WAIT`]. A hash in progress that takes longer than usual counts as if it ended now, so that
    /// already the first slow one shortens the queue to what is done within the time limit of a request.
    pub(super) fn places(&self, threads: usize, now: Instant) -> usize {
        let longest = self.under_way.iter().map(|begun| now - *begun).max().unwrap_or_default();
        let expected = match self.average {
            Some(average) => average.max(self.average_with(longest)),
            None => ASSUMED_TIME.max(longest),
        };
        let waiting = LONGEST_WAIT.as_micros() / expected.as_micros().max(1);
        threads * (1 + usize::try_from(waiting).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
