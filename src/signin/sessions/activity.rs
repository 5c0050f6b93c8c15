//! Session uses, which are written to the database once a second.
//!
//! A session ends a number of minutes after its last use. Writing each use would turn every read into a
//! write. Each node therefore keeps the uses since its last write in memory, takes them into account
//! itself, and writes them together every second. A node that crashes loses a second of uses, so that some
//! sessions end that much earlier.
//!
//! This serves the *`GET /api/v1/me`* rows of `docs/benchmarks.md`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::store;
use crate::kernel::{Kernel, Timestamp};

/// Sessions that are written in one transaction.
const AT_ONCE: usize = 200;

/// Session uses that are not yet in the database. They are ordered by id, so that two nodes which write the
/// same rows cannot deadlock.
#[derive(Default)]
pub struct SessionActivity(Mutex<BTreeMap<String, Timestamp>>);

impl SessionActivity {
    /// The last use of a session, if it is not yet in the database.
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

    /// Writes all uses to the database.
    pub async fn write(&self, kernel: &Kernel) -> Result<(), sqlx::Error> {
        let noted: Vec<(String, Timestamp)> = self.map().clone().into_iter().collect();
        for batch in noted.chunks(AT_ONCE) {
            let mut tx = kernel.db.begin().await?;
            for (id, used) in batch {
                store::set_last_seen(&mut tx, id, *used).await?;
            }
            tx.commit().await?;
            // The entries are removed only now, because until the commit the database has older times.
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
