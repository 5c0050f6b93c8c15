//! A page of a list.

/// A page of a list, with the start of the next one.
#[derive(Debug)]
pub struct ListPage<T> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// The id of the last row when more follow; the next page begins after it.
    pub next: Option<String>,
}

impl<T> ListPage<T> {
    /// Keeps `limit` rows of the `limit + 1` that were read. The additional row shows whether a next page
    /// exists.
    pub fn of(mut rows: Vec<T>, limit: i64, id: impl Fn(&T) -> &str) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| id(last).to_owned());
        Self { items: rows, next }
    }
}
