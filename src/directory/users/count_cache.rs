//! The exact number of an account's users, without counting all of them each time.
//!
//! Ids sort by time of creation, so users that come are at the end: those before a moment that is past for
//! certain are counted once and remembered, and only those after it are counted each time. A deletion
//! anywhere voids what is remembered.
//!
//! It serves the benchmarks *pages of 100 among 1,000,000 users* and *reading 100,000 users in pages* of
//! `docs/benchmarks.md`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Timestamp, ids};

/// After this time no request can still insert an id with an older timestamp: 30 seconds for the longest
/// request, and 30 for clock skew between nodes.
pub(super) const ID_SETTLE_TIME: Duration = Duration::from_mins(1);
/// When this many users were created since the cached position, the position is advanced.
const ADVANCE_THRESHOLD: i64 = 2000;

/// The counts that this node has cached, by account id.
#[derive(Default)]
pub struct UserCountCache(Mutex<HashMap<AccountId, CountSnapshot>>);

#[derive(Debug, Clone)]
struct CountSnapshot {
    /// The count covers the users with an id less than this one.
    before: String,
    /// … are so many …
    count: i64,
    /// The account's deletion counter; the count is valid while it stays the same.
    deletions: i64,
}

impl UserCountCache {
    /// The number of users of the account.
    pub async fn count(
        &self,
        c: &mut DbConn,
        account_id: &AccountId,
        now: Timestamp,
    ) -> Result<i64, sqlx::Error> {
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

    fn cached(&self, account_id: &AccountId) -> Option<CountSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(account_id).cloned()
    }

    fn forget(&self, account_id: &AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account_id);
    }

    fn remember(&self, account_id: &AccountId, known: CountSnapshot) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account_id.to_owned(), known);
    }
}

/// In one query: the account's deletion counter, the users with ids from `from` to `to`, and the users
/// after that.
async fn count(
    c: &mut DbConn,
    account_id: &AccountId,
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
