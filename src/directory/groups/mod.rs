//! User groups and who is in them.

mod apply;
mod create;
mod delete;
mod identifier;
mod links;
mod model;
mod store;

pub use apply::{Applied, Change, Members, apply};
pub use create::{NewGroup, create};
pub use delete::delete;
pub use identifier::identifier_of;
pub use links::{
    Kept, Link, all_links, count_from, follow, follow_exactly, link, link_of, links_of_connection, unlink,
};
pub use model::{Group, Membership};
pub use store::{
    Match, by_id, count, list_after, member_count, members, names_of_user, nested, of_user, search, window,
};
