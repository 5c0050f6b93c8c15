//! Answers of the database that are good for a moment, where the same is asked for thousands of times a second.
//!
//! What an administrator changes on this node is seen by the next request; what is changed on another, or by the
//! command line, within half a second.
//!
//! It serves the rows *SCIM look-ups by `userName`* and *LDAP sign-ins* of the benchmarks in the README: a look-up asks for
//! its token, and a sign-in for its account and its domain, three times.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::sync::Cache;

/// How long an answer is good. Real time, not the kernel's: it is about other nodes.
const TIME_TO_LIVE: Duration = Duration::from_millis(500);
/// Answers that are kept.
const CAPACITY: u64 = 1000;

/// What this node was answered.
pub struct ShortCache<V: Clone + Send + Sync + 'static> {
    entries: Cache<String, Entry<V>>,
    generation: AtomicU64,
}

#[derive(Clone)]
struct Entry<V> {
    /// The one in which the question was asked. An answer that a change has overtaken on its way comes with an old one,
    /// and is no answer.
    generation: u64,
    value: V,
}

impl<V: Clone + Send + Sync + 'static> Default for ShortCache<V> {
    fn default() -> Self {
        let entries = Cache::builder().time_to_live(TIME_TO_LIVE).max_capacity(CAPACITY).build();
        Self { entries, generation: AtomicU64::new(0) }
    }
}

impl<V: Clone + Send + Sync + 'static> ShortCache<V> {
    /// The answer that `key` was given a moment ago, or else the one that it is given now. That there is none is not
    /// kept, nor is an error. `load` gives a box: it is hardly ever called, and the memory it takes is in no request's way.
    pub async fn get_or_load<'a, E>(
        &self,
        key: &str,
        load: impl FnOnce() -> BoxFuture<'a, Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        let generation = self.generation.load(Ordering::SeqCst);
        if let Some(known) = self.entries.get(key).filter(|entry| entry.generation == generation) {
            return Ok(Some(known.value));
        }
        let answer = load().await?;
        if let Some(value) = answer.clone() {
            self.entries.insert(key.to_owned(), Entry { generation, value });
        }
        Ok(answer)
    }

    /// Forgets all: something was changed here.
    pub fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
