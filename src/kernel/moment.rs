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
const GOOD_FOR: Duration = Duration::from_millis(500);
/// Answers that are remembered; with more, the memory begins anew.
const MOST: usize = 1000;

/// What this node was answered.
pub struct Moment<V> {
    answers: Mutex<HashMap<String, (Instant, V)>>,
    /// Rises when everything is forgotten: what was asked before that is not remembered after it.
    generation: AtomicU64,
}

impl<V> Default for Moment<V> {
    fn default() -> Self {
        Self { answers: Mutex::default(), generation: AtomicU64::default() }
    }
}

impl<V: Clone> Moment<V> {
    /// The answer that `key` was given a moment ago, or else the one that it is given now. That there is none is not
    /// remembered. `ask` is in a box: hardly ever does anybody ask, and what that takes lies in nobody's way.
    ///
    /// # Errors
    /// Those of `ask`.
    pub async fn recall_or<'a, E>(
        &self,
        key: &str,
        ask: impl FnOnce() -> BoxFuture<'a, Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        if let Some(known) = self.recall(key) {
            return Ok(Some(known));
        }
        let generation = self.generation.load(Ordering::SeqCst);
        let Some(answer) = ask().await? else { return Ok(None) };
        let mut all = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        // Under the lock, which whoever forgets takes after raising the generation.
        if self.generation.load(Ordering::SeqCst) == generation {
            all.insert(key.to_owned(), (Instant::now(), answer.clone()));
        }
        Ok(Some(answer))
    }

    fn recall(&self, key: &str) -> Option<V> {
        let all = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, answer) = all.get(key)?;
        (since.elapsed() < GOOD_FOR).then(|| answer.clone())
    }

    /// Forgets all: something was changed here.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
#[path = "moment_tests.rs"]
mod tests;
