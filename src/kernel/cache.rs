//! Answers of the database that are good for a moment, where the same is asked for thousands of times a second.
//!
//! What an administrator changes on this node is seen by the next request; what is changed on another, or by the
//! command line, within half a second.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

/// How long an answer is good. Real time, not the kernel's: it is about other nodes.
const TIME_TO_LIVE: Duration = Duration::from_millis(500);
/// Answers that are remembered; with more, the memory begins anew.
const CAPACITY: usize = 1000;

/// What this node was answered.
pub struct ShortCache<V> {
    entries: Mutex<HashMap<String, (Instant, V)>>,
    /// Rises when everything is forgotten: what was asked before that is not remembered after it.
    generation: AtomicU64,
}

impl<V> Default for ShortCache<V> {
    fn default() -> Self {
        Self { entries: Mutex::default(), generation: AtomicU64::default() }
    }
}

impl<V: Clone> ShortCache<V> {
    /// The answer that `key` was given a moment ago, or else the one that it is given now. That there is none is not
    /// remembered. `ask` is in a box: hardly ever does anybody ask, and what that takes lies in nobody's way.
    pub async fn get_or_load<'a, E>(
        &self,
        key: &str,
        load: impl FnOnce() -> BoxFuture<'a, Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        if let Some(known) = self.get(key) {
            return Ok(Some(known));
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let Some(answer) = load().await? else { return Ok(None) };
        let mut all = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY {
            all.clear();
        }
        // Under the lock, which whoever forgets takes after raising the generation.
        if self.generation.load(Ordering::SeqCst) == generation {
            all.insert(key.to_owned(), (Instant::now(), answer.clone()));
        }
        Ok(Some(answer))
    }

    fn get(&self, key: &str) -> Option<V> {
        let all = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, answer) = all.get(key)?;
        (since.elapsed() < TIME_TO_LIVE).then(|| answer.clone())
    }

    /// Forgets all: something was changed here.
    pub fn invalidate(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
