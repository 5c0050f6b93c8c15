//! A cache for database lookups that are repeated thousands of times a second. Entries are valid for half a
//! second.
//!
//! A change on this node invalidates the whole cache, so the next request sees it. A change on another node
//! or by the command line is seen when the entries expire.
//!
//! It serves the benchmarks *SCIM look-ups by `userName`* and *LDAP sign-ins* of `docs/benchmarks.md`: a
//! lookup reads its token, and a sign-in reads its account and domain three times.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::sync::Cache;

/// How long an entry is valid. This is real time and not the kernel's clock, because it bounds how late the
/// changes of other nodes are seen.
const TIME_TO_LIVE: Duration = Duration::from_millis(500);
/// The limit on entries.
const CAPACITY: u64 = 1000;

/// A cache of values by key, for this node only.
pub struct ShortCache<V: Clone + Send + Sync + 'static> {
    entries: Cache<String, Entry<V>>,
    generation: AtomicU64,
}

#[derive(Clone)]
struct Entry<V> {
    /// The cache's generation when the load began. A value whose load was overtaken by an invalidation
    /// carries an old generation and is never read again.
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
    /// Returns the cached value of `key`, or else loads it. Missing values and errors are not cached.
    ///
    /// `load` returns a boxed future because it is rarely called and would make every caller's future
    /// larger.
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

    /// Invalidates all entries, after a change on this node.
    pub fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
