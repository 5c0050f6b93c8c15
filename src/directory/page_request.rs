//! A part of a list, for lists that clients walk through from end to end.

use crate::kernel::database::Conditions;

/// Which part, and in which order.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageRequest<'a> {
    /// In order of name, folded; otherwise in order of creation.
    pub sort_by_name: bool,
    /// From the end.
    pub descending: bool,
    /// After the row with this name (when sorted) and id.
    pub after: Option<(&'a str, &'a str)>,
    /// After this many rows.
    pub offset: i64,
    /// This many rows at most.
    pub limit: i64,
}

impl PageRequest<'_> {
    /// Adds the condition, and returns the end of the query. `name`: the column with the folded name, which an
    /// index keeps together with the id.
    pub(super) fn apply(&self, all: &mut Conditions, name: &'static str) -> String {
        let Self { sort_by_name: sorted, descending, after, offset, limit } = *self;
        match (after, sorted, descending) {
            (None, ..) => {}
            (Some((_, id)), false, false) => all.text("id > ?", id),
            (Some((_, id)), false, true) => all.text("id < ?", id),
            // Said twice: the first half is what an index is searched by.
            (Some(at), true, false) if name == "name_folded" => {
                all.two_texts("name_folded >= ?1 AND (name_folded > ?1 OR id > ?2)", at.0, at.1);
            }
            (Some(at), true, true) if name == "name_folded" => {
                all.two_texts("name_folded <= ?1 AND (name_folded < ?1 OR id < ?2)", at.0, at.1);
            }
            // A user name is there once.
            (Some((key, _)), true, false) => all.text("user_name_folded > ?", key),
            (Some((key, _)), true, true) => all.text("user_name_folded < ?", key),
        }
        let direction = if descending { " DESC" } else { "" };
        let order =
            if sorted { format!("{name}{direction}, id{direction}") } else { format!("id{direction}") };
        format!("ORDER BY {order} LIMIT {limit} OFFSET {offset}")
    }
}
