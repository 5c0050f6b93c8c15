//! Questions that many ask at the same time, asked as one.
//!
//! The way to a database takes longer than what is looked up there. So no more ask at once than for half of
//! the processors, the other half being the database's. A caller that comes meanwhile waits, and one of
//! those asks for all of them. No caller waits for others to come, and each answer is to a question that
//! was asked after it was needed: what was written before is seen.
//!
//! It serves the row *SCIM look-ups by `userName`* of `docs/benchmarks.md`, on PostgreSQL (decision 22).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Takes questions of one kind. `V` is found by `K`.
pub(super) struct BatchLoader<K, V>(Arc<Mutex<State<K, V>>>);

struct State<K, V> {
    /// How many more may ask now.
    permits: usize,
    waiting: Vec<PendingLookup<K, V>>,
}

struct PendingLookup<K, V> {
    topic: String,
    key: K,
    reply: oneshot::Sender<Wakeup<K, V>>,
}

enum Wakeup<K, V> {
    /// Another caller asked for this one as well.
    Loaded(Result<Option<V>, Arc<sqlx::Error>>),
    /// It is this one's turn to ask.
    Permit(LoadPermit<K, V>),
}

/// The right to ask. The caller that has waited longest gets it next.
struct LoadPermit<K, V>(BatchLoader<K, V>);

impl<K, V> Clone for BatchLoader<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for BatchLoader<K, V> {
    fn default() -> Self {
        let turns = std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
        Self(Arc::new(Mutex::new(State { permits: turns, waiting: Vec::new() })))
    }
}

impl<K, V> BatchLoader<K, V> {
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> BatchLoader<K, V> {
    /// What `key` is found by. `load_batch` is called with this key alone, with those of everybody who waits and whose `topic`
    /// is the same, or not at all.
    pub(super) async fn load<F, Found>(
        &self,
        topic: &str,
        key: K,
        load_batch: F,
    ) -> Result<Option<V>, sqlx::Error>
    where
        F: FnOnce(Vec<K>) -> Found,
        Found: Future<Output = Result<HashMap<K, V>, sqlx::Error>>,
    {
        let turn = loop {
            let waits = match self.acquire_or_wait(topic, &key) {
                Ok(turn) => break turn,
                Err(waits) => waits,
            };
            match waits.await {
                Ok(Wakeup::Permit(turn)) => break turn,
                Ok(Wakeup::Loaded(answer)) => {
                    return answer.map_err(shared_error);
                }
                // Who asked has given up: from the beginning.
                Err(_) => {}
            }
        };
        // Callers that are ready to run and would ask in a moment are included.
        tokio::task::yield_now().await;
        let others = self.take_waiting(topic);
        let mut keys: Vec<K> = others.iter().map(|other| other.key.clone()).collect();
        keys.push(key.clone());
        let found = load_batch(keys).await.map_err(Arc::new);
        // The next one asks while these continue.
        drop(turn);
        for PendingLookup { key, reply: told, .. } in others {
            let answer = found.as_ref().map(|found| found.get(&key).cloned()).map_err(Arc::clone);
            // Who is gone needs no answer.
            drop(told.send(Wakeup::Loaded(answer)));
        }
        found.map(|mut found| found.remove(&key)).map_err(shared_error)
    }

    fn acquire_or_wait(
        &self,
        topic: &str,
        key: &K,
    ) -> Result<LoadPermit<K, V>, oneshot::Receiver<Wakeup<K, V>>> {
        let mut state = self.state();
        if state.permits > 0 {
            state.permits -= 1;
            return Ok(LoadPermit(self.clone()));
        }
        let (told, waits) = oneshot::channel();
        state.waiting.push(PendingLookup { topic: topic.to_owned(), key: key.clone(), reply: told });
        Err(waits)
    }

    fn take_waiting(&self, topic: &str) -> Vec<PendingLookup<K, V>> {
        self.state().waiting.extract_if(.., |waiting| waiting.topic == topic).collect()
    }
}

/// An error that several are told.
fn shared_error(error: Arc<sqlx::Error>) -> sqlx::Error {
    sqlx::Error::AnyDriverError(Box::new(error))
}

impl<K, V> Drop for LoadPermit<K, V> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting.retain(|waiting| !waiting.reply.is_closed());
        if state.waiting.is_empty() {
            state.permits += 1;
            return;
        }
        let next = state.waiting.remove(0);
        drop(state);
        // Should it just have gone, the turn comes back, is dropped here, and goes to the one after it.
        drop(next.reply.send(Wakeup::Permit(LoadPermit(self.0.clone()))));
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
