//! Questions that many ask at the same time, asked as one.
//!
//! The way to a database takes longer than what is looked up there. So no more ask at once than for half of the
//! processors, the other half being the database's; whoever comes meanwhile waits, and one of those asks for all of
//! them. Nobody waits for others to come, and each answer is to a question that was asked after it was needed: what was
//! written before is seen.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Takes questions of one kind. `V` is found by `K`.
pub struct Gather<K, V>(Arc<Mutex<State<K, V>>>);

struct State<K, V> {
    /// How many more may ask now.
    turns: usize,
    waiting: Vec<Waiting<K, V>>,
}

struct Waiting<K, V> {
    topic: String,
    key: K,
    told: oneshot::Sender<News<K, V>>,
}

enum News<K, V> {
    /// Somebody asked for this one as well.
    Answer(Result<Option<V>, Arc<sqlx::Error>>),
    /// It is this one's turn to ask.
    Turn(Turn<K, V>),
}

/// The right to ask; whoever waits longest has it next.
struct Turn<K, V>(Gather<K, V>);

impl<K, V> Clone for Gather<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for Gather<K, V> {
    fn default() -> Self {
        let turns = std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2));
        Self(Arc::new(Mutex::new(State { turns, waiting: Vec::new() })))
    }
}

impl<K, V> Gather<K, V> {
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Gather<K, V> {
    /// What `key` is found by. `ask` is called with this key alone, with those of everybody who waits and whose `topic`
    /// is the same, or not at all.
    ///
    /// # Errors
    /// The database's, whoever asked.
    pub async fn ask<F, Found>(&self, topic: &str, key: K, ask: F) -> Result<Option<V>, sqlx::Error>
    where
        F: FnOnce(Vec<K>) -> Found,
        Found: Future<Output = Result<HashMap<K, V>, sqlx::Error>>,
    {
        let turn = loop {
            let waits = match self.turn_or_wait(topic, &key) {
                Ok(turn) => break turn,
                Err(waits) => waits,
            };
            match waits.await {
                Ok(News::Turn(turn)) => break turn,
                Ok(News::Answer(answer)) => {
                    return answer.map_err(shared);
                }
                // Who asked has given up: from the beginning.
                Err(_) => {}
            }
        };
        // Whoever could go on already, and would ask in a moment, comes along.
        tokio::task::yield_now().await;
        let others = self.take(topic);
        let mut keys: Vec<K> = others.iter().map(|other| other.key.clone()).collect();
        keys.push(key.clone());
        let found = ask(keys).await.map_err(Arc::new);
        // The next one asks while these go on.
        drop(turn);
        for Waiting { key, told, .. } in others {
            let answer = found.as_ref().map(|found| found.get(&key).cloned()).map_err(Arc::clone);
            // Who is gone needs no answer.
            drop(told.send(News::Answer(answer)));
        }
        found.map(|mut found| found.remove(&key)).map_err(shared)
    }

    fn turn_or_wait(&self, topic: &str, key: &K) -> Result<Turn<K, V>, oneshot::Receiver<News<K, V>>> {
        let mut state = self.state();
        if state.turns > 0 {
            state.turns -= 1;
            return Ok(Turn(self.clone()));
        }
        let (told, waits) = oneshot::channel();
        state.waiting.push(Waiting { topic: topic.to_owned(), key: key.clone(), told });
        Err(waits)
    }

    fn take(&self, topic: &str) -> Vec<Waiting<K, V>> {
        self.state().waiting.extract_if(.., |waiting| waiting.topic == topic).collect()
    }
}

/// An error that several are told.
fn shared(error: Arc<sqlx::Error>) -> sqlx::Error {
    sqlx::Error::AnyDriverError(Box::new(error))
}

impl<K, V> Drop for Turn<K, V> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting.retain(|waiting| !waiting.told.is_closed());
        if state.waiting.is_empty() {
            state.turns += 1;
            return;
        }
        let next = state.waiting.remove(0);
        drop(state);
        // Should it just have gone, the turn comes back, is dropped here, and goes to the one after it.
        drop(next.told.send(News::Turn(Turn(self.0.clone()))));
    }
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
