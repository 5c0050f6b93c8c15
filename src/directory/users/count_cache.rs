//! How many users an account has, exactly and without counting all of them each time.
//!
//! Ids sort by time of creation, so users that come are at the end: those before a moment that is past for certain
//! are counted once and remembered, and only those after it are counted each time. A deletion anywhere voids what is
//! remembered.
//!
//! It serves the benchmarks *pages of 100 among 1,000,000 users* and *reading 100,000 users in pages* of the README.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kernel::database::DbConn;
use crate::kernel::{Timestamp, ids};

/// After this time nobody writes an id of that time any more: a request has 30 seconds, and as much is left for clocks
/// of nodes that differ.
pub(super) const ID_SETTLE_TIME: Duration = Duration::from_mins(1);
/// When so many have come since, what is remembered is brought forward.
const ADVANCE_THRESHOLD: i64 = 2000;

/// What this node remembers.
#[derive(Default)]
pub struct UserCountCache(Mutex<HashMap<String, CountSnapshot>>);

#[derive(Debug, Clone)]
struct CountSnapshot {
    /// Users with an id before this one …
    before: String,
    /// … are so many …
    count: i64,
    /// … as long as no more were deleted.
    deletions: i64,
}

impl UserCountCache {
    /// How many users the account has.
    pub async fn count(&self, c: &mut DbConn, account_id: &str, now: Timestamp) -> Result<i64, sqlx::Error> {
        let settled = ids::earliest(now.minus(ID_SETTLE_TIME));
        let mut bring_forward = false;
        loop {
            let known = self.cached(account_id);
            let from = known.as_ref().map(|known| known.before.clone());
            let to = from.clone().filter(|_| !bring_forward).unwrap_or_else(|| settled.clone());
            let from = from.unwrap_or_default();
            let (deletions, between, since) = count(c, account_id, &from, &to).await?;
            match known {
                Some(known) if known.deletions != deletions => self.forget(account_id),
                Some(known) if to != from || since <= ADVANCE_THRESHOLD || settled <= from => {
                    let count = known.count + between;
                    self.remember(account_id, CountSnapshot { before: to, count, deletions });
                    return Ok(count + since);
                }
                Some(_) => bring_forward = true,
                None => {
                    self.remember(account_id, CountSnapshot { before: to, count: between, deletions });
                    return Ok(between + since);
                }
            }
        }
    }

    fn cached(&self, account_id: &str) -> Option<CountSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(account_id).cloned()
    }

    fn forget(&self, account_id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account_id);
    }

    fn remember(&self, account_id: &str, known: CountSnapshot) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account_id.to_owned(), known);
    }
}

/// In one look: how many were ever deleted, how many there are with ids in a range, and how many after it.
async fn count(
    c: &mut DbConn,
    account_id: &str,
    from: &str,
    to: &str,
) -> Result<(i64, i64, i64), sqlx::Error> {
    sqlx::query_as(
        "SELECT a.user_deletions, \
         (SELECT COUNT(*) FROM users WHERE account_id = $1 AND id >= $2 AND id < $3), \
         (SELECT COUNT(*) FROM users WHERE account_id = $1 AND id >= $3) FROM accounts a WHERE a.id = $1",
    )
    .bind(account_id)
    .bind(from)
    .bind(to)
    .fetch_one(c)
    .await
}
