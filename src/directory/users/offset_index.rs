//! An index of positions in the list of all users, for clients that page through it by offset. Without it
//! the database would count all users before the page again for each page.
//!
//! Ids sort by time of creation, so new users are at the end: the place of one that came before a moment
//! that is past for certain changes only when a user is deleted. That voids what is remembered.
//!
//! It serves the benchmark *pages of 100 among 1,000,000 users*, by `startIndex`, of `docs/benchmarks.md`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::count_cache::ID_SETTLE_TIME;
use super::model::User;
use super::store;
use crate::directory::PageRequest;
use crate::kernel::database::DbConn;
use crate::kernel::{AccountId, Timestamp, ids};

/// The smallest distance between cached positions.
const MIN_SPACING: i64 = 500;

/// The positions that this node has cached, by account id.
#[derive(Default)]
pub struct UserOffsetIndex(Mutex<HashMap<AccountId, KnownOffsets>>);

#[derive(Default)]
struct KnownOffsets {
    /// The account's deletion counter; the positions are valid while it stays the same.
    deletions: i64,
    /// The id of the user at each cached position.
    ids: BTreeMap<i64, String>,
}

impl UserOffsetIndex {
    /// Whether [`UserOffsetIndex::list_page`] can serve a page request.
    #[must_use]
    pub fn can_serve(window: &PageRequest<'_>) -> bool {
        window.offset >= MIN_SPACING && !window.sort_by_name && !window.descending && window.after.is_none()
    }

    /// A page of the list of all users, in order of creation.
    pub async fn list_page(
        &self,
        c: &mut DbConn,
        account_id: &AccountId,
        window: &PageRequest<'_>,
        now: Timestamp,
    ) -> Result<Vec<User>, sqlx::Error> {
        let PageRequest { offset, limit, .. } = *window;
        // Read before the page: if a user is deleted in between, the position cached below is already
        // invalid.
        let deletions = store::deletions(c, account_id).await?;
        let (place, from) = self.nearest_before(account_id, deletions, offset);
        let page = store::list_from(c, account_id, &from, offset - place, limit).await?;
        let settled = ids::earliest(now.minus(ID_SETTLE_TIME));
        if let Some(first) =
            page.first().filter(|first| offset - place >= MIN_SPACING && first.id.as_str() < settled.as_str())
        {
            self.remember_offset(account_id, deletions, offset, &first.id);
        }
        Ok(page)
    }

    /// The last cached position that is not after `offset`, or the start of the list.
    fn nearest_before(&self, account_id: &AccountId, deletions: i64, offset: i64) -> (i64, String) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(account_id).filter(|known| known.deletions == deletions);
        let place = known.and_then(|known| known.ids.range(..=offset).next_back());
        place.map(|(place, id)| (*place, id.clone())).unwrap_or_default()
    }

    fn remember_offset(&self, account_id: &AccountId, deletions: i64, place: i64, id: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(account_id.to_owned()).or_default();
        if known.deletions < deletions {
            *known = KnownOffsets { deletions, ids: BTreeMap::new() };
        }
        if known.deletions == deletions {
            known.ids.insert(place, id.to_owned());
        }
    }
}
