//! Uses of sessions, written down once a second.
//!
//! A session ends so many minutes after its last use, to the second. Writing at each request would make
//! every read a write; so each node remembers what was used since it last wrote, takes that into account
//! itself, and writes all of it in one go every second. A node that dies forgets a second of uses: some
//! sessions end that much earlier.
//!
//! It serves the rows *`GET /api/v1/me`* of the benchmarks in the README.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store;
use crate::kernel::{Kernel, Timestamp};

/// Sessions written in one unit of work.
const AT_ONCE: usize = 200;

/// See the module's text. In order of id, so that two nodes that write the same rows do not wait for
/// each other in a circle.
#[derive(Default)]
pub struct SessionActivity(Mutex<BTreeMap<String, Timestamp>>);

impl SessionActivity {
    /// The last use of a session that is not written down yet.
    pub(super) fn last(&self, id: &str) -> Option<Timestamp> {
        self.map().get(id).copied()
    }

    pub(super) fn record_use(&self, id: &str, now: Timestamp) {
        let mut map = self.map();
        match map.get_mut(id) {
            Some(last) => *last = now.max(*last),
            None => drop(map.insert(id.to_owned(), now)),
        }
    }

    /// Writes everything down.
    pub async fn write(&self, kernel: &Kernel) -> Result<(), sqlx::Error> {
        let noted: Vec<(String, Timestamp)> = self.map().clone().into_iter().collect();
        for batch in noted.chunks(AT_ONCE) {
            let mut tx = kernel.db.begin().await?;
            for (id, used) in batch {
                store::set_last_seen(&mut tx, id, *used).await?;
            }
            tx.commit().await?;
            // Only now: until the commit the memory is the better witness.
            let mut map = self.map();
            for (id, used) in batch {
                if map.get(id) == Some(used) {
                    map.remove(id);
                }
            }
        }
        Ok(())
    }

    fn map(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
