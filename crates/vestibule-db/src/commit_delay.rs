//! Decides whether a commit waits for further units of work that share it. The policy has no clock or task of
//! its own.
//!
//! One sync to disk costs the same for one unit of work as for eight. When several writers are announced
//! ([`crate::PendingWriter`]), as by sign-ins that wait for a directory, a commit therefore waits a moment
//! for them. PostgreSQL does the same with `commit_delay` and `commit_siblings`.
//!
//! The policy serves the row *LDAP sign-ins, 8 connections to slapd* of `docs/benchmarks.md` on
//! `SQLite`, and can be removed when that row no longer needs it (decision 25).

use std::time::Duration;

/// The number of announced writers from which on a commit waits for them.
pub(crate) const COMMIT_SIBLINGS: usize = 4;
/// The number of awaited units of work at which a commit waits for no more.
const TARGET_BATCH: usize = 8;
/// The limit on commits in a row that do not wait because earlier delays were in vain.
const MAX_SKIPPED_DELAYS: u32 = 64;

/// The delay, and what earlier delays have shown about its use.
#[derive(Debug)]
pub(crate) struct CommitDelay {
    duration: Duration,
    /// How many more commits do not wait.
    skips_left: u32,
    /// The length of the last series of commits that did not wait. It doubles after each delay in vain,
    /// because announced writers may be held up for long, for example by a directory that is down.
    last_skips: u32,
}

/// The state of the transaction that could be committed now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenTransaction {
    /// Finished units of work in it whose callers wait for the commit.
    pub(crate) awaited: usize,
    /// Whether it already holds as many finished units of work as may share a commit.
    pub(crate) is_full: bool,
    /// The number of announced writers, including those that already wait for this commit.
    pub(crate) expected: usize,
}

/// When to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitTime {
    Now,
    /// At the latest after [`CommitDelay::duration`].
    Later,
}

impl CommitDelay {
    /// A policy under which a commit waits for `duration` at most.
    pub(crate) fn new(duration: Duration) -> Self {
        Self { duration, skips_left: 0, last_skips: 0 }
    }

    pub(crate) fn duration(&self) -> Duration {
        self.duration
    }

    /// Decides when to commit; called after each finished unit of work.
    pub(crate) fn decide(&mut self, open: OpenTransaction) -> CommitTime {
        if open.awaited > 1 {
            // Another unit of work arrived, so delays are useful again.
            (self.skips_left, self.last_skips) = (0, 0);
        }
        let wanted = TARGET_BATCH.min(open.expected);
        if open.expected < COMMIT_SIBLINGS || open.awaited >= wanted || open.is_full {
            return CommitTime::Now;
        }
        // A commit that no caller waits for can always be left to the next unit of work.
        if open.awaited > 0 && self.skips_left > 0 {
            self.skips_left -= 1;
            return CommitTime::Now;
        }
        CommitTime::Later
    }

    /// Records a delay that ran to its end, after which `awaited` callers wait for the commit.
    pub(crate) fn record_expired(&mut self, awaited: usize) {
        if awaited == 1 {
            self.last_skips = (2 * self.last_skips).clamp(1, MAX_SKIPPED_DELAYS);
            self.skips_left = self.last_skips;
        }
    }
}

#[cfg(test)]
#[path = "commit_delay_tests.rs"]
mod tests;
