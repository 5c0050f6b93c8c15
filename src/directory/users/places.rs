//! Which place users have in the list of all of them, so that whoever reads the list by position, page after page, does
//! not have everybody before the page counted again each time.
//!
//! Ids sort by time of creation, so users that come are at the end: the place of one that came before a moment that is
//! past for certain changes only when somebody is deleted. That voids what is remembered.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::model::User;
use super::store;
use super::total::SETTLED;
use crate::directory::Window;
use crate::kernel::database::Connection;
use crate::kernel::{Timestamp, ids};

/// Places that are remembered are so far apart at least.
const APART: i64 = 500;

/// What this node remembers.
#[derive(Default)]
pub struct Places(Mutex<HashMap<String, Known>>);

#[derive(Default)]
struct Known {
    /// As long as no more users were deleted …
    deletions: i64,
    /// … after so many users comes the one with this id.
    ids: BTreeMap<i64, String>,
}

impl Places {
    /// Whether a part of a list is for [`Places::window`].
    #[must_use]
    pub fn finds(window: &Window<'_>) -> bool {
        window.offset >= APART && !window.sorted && !window.descending && window.after.is_none()
    }

    /// A part of the list of all users, in order of creation.
    ///
    /// # Errors
    /// The database's.
    pub async fn window(
        &self,
        c: &mut Connection,
        account_id: &str,
        window: &Window<'_>,
        now: Timestamp,
    ) -> Result<Vec<User>, sqlx::Error> {
        let Window { offset, limit, .. } = *window;
        // Asked before the page is read: what is noted of a page from which somebody went meanwhile is void already.
        let deletions = store::deletions(c, account_id).await?;
        let (place, from) = self.before(account_id, deletions, offset);
        let page = store::from(c, account_id, &from, (offset - place, limit)).await?;
        let settled = ids::earliest(now.minus(SETTLED));
        if let Some(first) = page.first().filter(|first| offset - place >= APART && first.id < settled) {
            self.note(account_id, deletions, (offset, &first.id));
        }
        Ok(page)
    }

    /// The last known place that is not after `offset`; the beginning, where none is known.
    fn before(&self, account_id: &str, deletions: i64, offset: i64) -> (i64, String) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(account_id).filter(|known| known.deletions == deletions);
        let place = known.and_then(|known| known.ids.range(..=offset).next_back());
        place.map(|(place, id)| (*place, id.clone())).unwrap_or_default()
    }

    fn note(&self, account_id: &str, deletions: i64, (place, id): (i64, &str)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(account_id.to_owned()).or_default();
        if known.deletions < deletions {
            *known = Known { deletions, ids: BTreeMap::new() };
        }
        if known.deletions == deletions {
            known.ids.insert(place, id.to_owned());
        }
    }
}
