//! Whether a commit waits for others: a policy, without a clock or a task of its own.
//!
//! A sync to disk is the same for one unit of work and for eight. Where several are known to come soon, as sign-ins that
//! wait for a directory are ([`crate::PendingWriter`]), it is worth waiting a moment for them. PostgreSQL does the same
//! with `commit_delay` and `commit_siblings`.
//!
//! It serves the row *LDAP sign-ins, 8 connections to slapd* of the benchmarks in the README, on `SQLite`, and goes when
//! that row does not need it.

use std::time::Duration;

/// From so many on that are to write soon, a commit waits for them.
pub(crate) const COMMIT_SIBLINGS: usize = 4;
/// Units of work that are waited for, at most, before a commit waits for no more.
const TARGET_BATCH: usize = 8;
/// Commits that do not wait, at most, after those before have waited for nothing.
const MAX_SKIPPED_DELAYS: u32 = 64;

/// When to wait, and what came of it the last times.
#[derive(Debug)]
pub(crate) struct CommitDelay {
    duration: Duration,
    /// How many more commits do not wait.
    skips_left: u32,
    /// How many those were the last time: twice as many each time that nothing came. Those who were to write soon may be
    /// held up for long, by a directory that is down.
    last_skips: u32,
}

/// The transaction that could be committed now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenTransaction {
    /// Finished units of work in it that are waited for.
    pub(crate) awaited: usize,
    /// Its finished units of work leave no room for more.
    pub(crate) is_full: bool,
    /// How many have said that they are to write soon, those that wait already included.
    pub(crate) expected: usize,
}

/// What to do about a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitTime {
    Now,
    /// After [`CommitDelay::duration`] at the latest.
    Later,
}

impl CommitDelay {
    /// A commit waits for `duration` at most.
    pub(crate) fn new(duration: Duration) -> Self {
        Self { duration, skips_left: 0, last_skips: 0 }
    }

    pub(crate) fn duration(&self) -> Duration {
        self.duration
    }

    /// Decides after a unit of work is finished, each time.
    pub(crate) fn decide(&mut self, open: OpenTransaction) -> CommitTime {
        if open.awaited > 1 {
            // Another one came: it is worth it again.
            (self.skips_left, self.last_skips) = (0, 0);
        }
        let wanted = TARGET_BATCH.min(open.expected);
        if open.expected < COMMIT_SIBLINGS || open.awaited >= wanted || open.is_full {
            return CommitTime::Now;
        }
        // What is not waited for can always be left to the next commit.
        if open.awaited > 0 && self.skips_left > 0 {
            self.skips_left -= 1;
            return CommitTime::Now;
        }
        CommitTime::Later
    }

    /// Learns from a delay that ran to its end, with `awaited` units of work that were waited for.
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
