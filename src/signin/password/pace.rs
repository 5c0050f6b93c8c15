//! How fast passwords are hashed, and how many may wait for it.

use std::time::{Duration, Instant};

/// Nobody waits longer than about this for a thread.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// What a hash is assumed to take until some have been made: long, so that a server that starts on a busy machine has a
/// short queue first. Were it ten seconds, that queue would still end within the time limit of a request.
const ASSUMED_TIME: Duration = Duration::from_millis(500);

/// How long hashes take of late, from which follows how many may wait for theirs.
pub(super) struct Pace {
    average: Duration,
    /// When the hashes that are being made were begun.
    under_way: Vec<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { average: ASSUMED_TIME, under_way: Vec::new() }
    }
}

impl Pace {
    pub(super) fn begin(&mut self, now: Instant) {
        self.under_way.push(now);
    }

    pub(super) fn end(&mut self, begun: Instant, now: Instant) {
        if let Some(at) = self.under_way.iter().position(|other| *other == begun) {
            self.under_way.swap_remove(at);
        }
        self.average = self.average_with(now - begun);
    }

    /// A moving average over about eight hashes.
    fn average_with(&self, took: Duration) -> Duration {
        (self.average * 7 + took) / 8
    }

    /// How many places there are: one on each of the `threads`, and as many as get through in [`LONGEST_WAIT`] besides. A
    /// hash that takes longer than usual counts while it is being made, as if it ended now: already of the first slow
    /// one it follows that no more wait than are done within the time limit of a request.
    pub(super) fn places(&self, threads: usize, now: Instant) -> usize {
        let longest = self.under_way.iter().map(|begun| now - *begun).max().unwrap_or_default();
        let expected = self.average.max(self.average_with(longest));
        let waiting = LONGEST_WAIT.as_micros() / expected.as_micros().max(1);
        threads * (1 + usize::try_from(waiting).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
